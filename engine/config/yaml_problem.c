/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_problem.c: libfyaml's messages in the words of someone who wrote a pipeline file. */
#include <string.h>

#include "config/yaml.h"

static const struct weir_yaml_problem problems[] = {
    {"invalid multiline plain key", "this looks like a key, but no ': ' follows on its line",
     "write `key: value` with a blank after the colon, and indent the lines of one map equally", 0},
    {"tab character may not be used as indentation", "a tab indents this line; YAML allows blanks only",
     "replace the tab by blanks", 0},
    {"wrongly indented double-quoted scalar", "the text in double quotes is not closed on its line",
     "close it with \"", 0},
    {"wrongly indented single-quoted scalar", "the text in single quotes is not closed on its line",
     "close it with '", 0},
    {"double-quoted scalar without closing quote", "the text in double quotes is not closed",
     "close it with \"", 0},
    {"single-quoted scalar without closing quote", "the text in single quotes is not closed",
     "close it with '", 0},
    {"flow sequence without a closing bracket", "this '[' is not closed", "close it with ]", '['},
    {"flow mapping without a closing brace", "this '{' is not closed", "close it with }", '{'},
    {"wrongly indented flow sequence", "this '[' is not closed",
     "close it with ], and indent the lines that belong to it", '['},
    {"wrongly indented flow mapping", "this '{' is not closed",
     "close it with }, and indent the lines that belong to it", '{'},
    {"missing comma in flow mapping", "a ',' or '}' is missing before this",
     "close the map with } or separate its entries with commas", 0},
    {"missing comma in flow sequence", "a ',' or ']' is missing before this",
     "close the list with ] or separate its items with commas", 0},
    {"flow sequence with invalid extra comma", "a ',' too many", NULL, 0},
    {"flow mapping with invalid extra comma", "a ',' too many", NULL, 0},
    {"flow sequence with invalid extra closing bracket", "a ']' too many", NULL, 0},
    {"flow mapping with invalid extra closing brace", "a '}' too many", NULL, 0},
    {"invalid nested block mapping on the same line", "a second ': ' on one line",
     "put text that contains ': ' into quotes, or write a nested map as {a: 1} or on lines of its own", 0},
    {"block sequence on the same line as a mapping key", "a list item on the line of its key",
     "put each `- item` on a line of its own, or write the list as [a, b]", 0},
    {"invalid indentation in mapping", "the indentation fits no map above",
     "indent the keys of one map equally", 0},
    {"invalid scalar at the end of block sequence", "a key stands beside list items",
     "a place holds either `- items` or `key: value`, not both", 0},
    {"plain scalar cannot start with", "a plain text cannot begin with this character",
     "put the text into quotes", 0},
    {"invalid trailing content after", "something follows the closing quote",
     "quote the whole text, or remove what follows", 0},
    {"invalid escape", NULL, "inside double quotes write \\\\ for a backslash, or use single quotes", 0},
    {"invalid alias", "a '*' begins an alias, but no name follows", "put text that begins with * into quotes",
     0},
    {"invalid anchor", "a '&' begins an anchor, but no name follows",
     "put text that begins with & into quotes", 0},
    {"depth limit", "nested too deep", NULL, 0},
};
static const struct weir_yaml_problem other = {"", NULL, NULL, 0};

const struct weir_yaml_problem *weir_yaml_problem_find(const char *message) {
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        if (!strncmp(message, problems[i].message, strlen(problems[i].message))) return &problems[i];
    return &other;
}

/* A light scan that knows quotes and comments. Brackets inside block texts could mislead it, which costs
 * nothing but the place of a marker. */
size_t weir_yaml_open_bracket(const char *bytes, size_t len, char opener) {
    size_t open[64];
    size_t depth = 0;
    char quote = 0;
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        char before = i ? bytes[i - 1] : '\n';
        if (quote) {
            if (c == '\\' && quote == '"')
                i++;
            else if (c == quote)
                quote = 0;
        } else if ((c == '"' || c == '\'') && strchr(" \t\n[{,:", before)) {
            quote = c;
        } else if (c == '#' && strchr(" \t\n", before)) {
            while (i + 1 < len && bytes[i + 1] != '\n') i++;
        } else if ((c == '[' || c == '{') && depth < sizeof open / sizeof open[0]) {
            open[depth++] = i;
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    while (depth--)
        if (bytes[open[depth]] == opener) return open[depth];
    return len;
}
