/* SPDX-License-Identifier: Apache-2.0 */
/* codes.c: the table of all codes, sorted. Add a row where its code belongs; a test checks order and text. */
#include "base/codes.h"

#include <stdlib.h>
#include <strings.h>

static const struct weir_code codes[] = {
    {"D101", "the record is not valid JSON",
     "The value of the record could not be read as one JSON text. The record is not applied and "
     "goes to the dead letter topic with its bytes unchanged.",
     "{\"amount\": 12.5,",
     "Look at the record in the dead letter topic. If the topic holds another format, set "
     "`source.format`."},
    {"D102", "a key stands twice in the record",
     "A JSON object or map of the record has the same key twice. JSON leaves open which one "
     "counts, so weir does not guess.",
     "{\"amount\": 1, \"amount\": 2}", "Repair the producer; a serializer never writes this by itself."},
    {"D103", "text is not valid UTF-8", "A text field or the whole record contains bytes that are not UTF-8.",
     NULL,
     "Write UTF-8 at the producer. Latin-1 text and raw binary in a text field are the usual "
     "causes."},
    {"D104", "the record is nested too deep",
     "Objects and lists of the record are nested deeper than weir reads.", "[[[[[[ ... ]]]]]]",
     "Flatten the record at the producer; columns may name nested fields (`merchant.mcc`) "
     "without such depth."},
    {"D105", "a number does not fit its type",
     "A number of the record is outside the range of its column, or has decimals where the "
     "column is int64.",
     "{\"count\": 99999999999999999999}",
     "Declare the column as float64, or repair the value at the producer."},
    {"D106", "a field has another type than its column",
     "The record has a value whose type does not fit the type in `source.schema`: for example "
     "text where a number is declared.",
     "{\"amount\": \"12.5\"}     # source.schema: {amount: float64}",
     "Change the type in `source.schema`, or the producer. weir does not turn text into numbers "
     "silently."},
    {"D107", "a required field is missing or null",
     "A column of `source.schema` that is not optional has no value in this record.",
     "{\"tx_id\": \"a\"}         # source.schema: {tx_id: string, amount: float64}",
     "Write `amount: float64?` when the field may be missing: its value is then null."},
    {"D108", "the record has another shape than a row",
     "The value is readable but is not one object (or row) with named fields: a list, a bare "
     "number or a text.",
     "[1, 2, 3]", "Send one object per record."},
    {"D109", "a value is too large", "A record or one of its fields is larger than weir reads.", NULL,
     "Keep large payloads out of the stream; send a reference instead."},
    {"D110", "the record has no value", "The record's value is absent (a Kafka tombstone) or empty.", NULL,
     "Tombstones belong to compacted topics. If they are expected, they are only counted; "
     "nothing has to be repaired."},
    {"D111", "a CSV row has another number of fields",
     "The row has more or fewer fields than the header or the schema says.", "a,b,c\n1,2",
     "Quote fields that contain a comma or a line end (RFC 4180)."},
    {"D112", "the record is not valid MessagePack",
     "The bytes could not be read as one MessagePack map with text keys.", NULL,
     "Check that the topic really holds MessagePack; `source.format` names what weir expects."},
    {"D120", "the record has no event time",
     "The column named by `source.event_time.field` is null, or the record has no Kafka "
     "timestamp and the file names no field.",
     NULL, "Name a field that every record has, or leave `event_time` out to use the Kafka timestamp."},
    {"D121", "the event time is absurd",
     "The event time is outside the years weir accepts or far in the future. Taking it would "
     "make every later record late.",
     "ts: 1714557600         # seconds, but unit: ms was declared, or the other way round",
     "Check `source.event_time.unit`: s, ms, us and ns differ by a factor of 1000."},
    {"D122", "the label is missing", "The column named by `labels.field` is null in this record.", NULL,
     "Make the label column optional (`class: category?`) if rows without a label are normal: "
     "they are then predicted but not learned from."},
    {"D123", "the label is not a class or a number",
     "The label of this record is not a value the model can learn: text for a regression, a "
     "number other than 0 and 1 for two classes, or not finite.",
     NULL,
     "Name the positive class with `labels.positive`, or choose a learner for several classes "
     "or numbers."},
    {"D124", "too many classes", "The label column has more different values than a model keeps apart (64).",
     NULL,
     "A label with many values is usually an identifier. Choose another column, or group the "
     "values in a feature."},
    {"D130", "the record ended the process",
     "weir died twice while this very record was in its hands: it was set aside unread, and journaled.", NULL,
     "Keep the dead letter and report it: a record must never end the process."},
    {"E101", "the file cannot be read",
     "The pipeline file does not exist, is a directory, or may not be read by this user.",
     "weir check fruad.yaml", "Check the path and its permissions."},
    {"E102", "the file is too large",
     "A pipeline file may have at most 1 MiB. Everything about it is kept in memory and checked "
     "at once.",
     NULL, "A file this large is usually data. Data belongs into a topic or a file for `weir replay`."},
    {"E103", "the file is not plain text",
     "A pipeline file is UTF-8 text without NUL bytes or other control characters.", NULL,
     "Save the file as UTF-8. In vim: `:set fileencoding=utf-8`; with iconv: `iconv -f latin1 "
     "-t utf-8`."},
    {"E104", "YAML syntax",
     "The file is not valid YAML 1.2, so nothing after this place could be read. Other findings "
     "may appear once this one is gone.",
     "source:\n  topic:elec2         # a blank is missing after the colon",
     "Indent with blanks, not tabs; write a blank after `:` and `-`; quote text that contains "
     "`: ` or ` #` or begins with one of @ ` % & * ! | >."},
    {"E105", "a key stands twice",
     "The same key stands twice in one map. YAML readers differ in which one they take, so weir "
     "takes neither silently.",
     "source:\n  topic: a\n  topic: b", "Remove one of the two."},
    {"E106", "alias, anchor or merge key",
     "An alias `*name` has no anchor `&name`, refers to a node that contains it, or a merge key "
     "`<<` is given something other than a map.",
     "model: &m\n  options: *m", "Define the anchor before it is used; merge only maps."},
    {"E107", "a variable has no value",
     "`${NAME}` names an environment variable that is not set and has no default. "
     "`${NAME:?message}` says its own message.",
     "kafka: {brokers: \"${KAFKA_BROKERS}\"}",
     "Set the variable, or give a default: `${KAFKA_BROKERS:-localhost:9092}`. A text `${` that "
     "is meant literally is written `$${`."},
    {"E108", "malformed ${...}",
     "An interpolation is not closed, has no valid name, or is nested. The forms are ${NAME}, "
     "${NAME:-default}, ${NAME:?message}, ${file:PATH} and ${file:PATH:-default}.",
     "brokers: ${KAFKA-BROKERS}", "Names have letters, digits and `_`. Write `$${` for a literal `${`."},
    {"E109", "an interpolated file cannot be read",
     "`${file:PATH}` names a file that is missing, unreadable, no regular file, larger than 64 "
     "KiB, or not text.",
     "password: ${file:/run/secrets/kafka}",
     "Create the file, or give a default: `${file:/run/secrets/kafka:-}`."},
    {"E110", "unknown key",
     "The key is not one weir knows at this place. A misspelt key would otherwise be a setting "
     "that silently does nothing.",
     "source:\n  tpoic: elec2",
     "Take the suggested key, or see `weir help reference` for the keys of this section."},
    {"E111", "another kind of value is expected here",
     "A map, a list or a single value stands where another of the three is expected.",
     "source: elec2          # source is a map\ndrift: {name: a}       # drift is a list of "
     "maps: - {name: a}",
     "Write the section in the form that the help line shows."},
    {"E112", "the value has another type",
     "The value is not of the type this key needs: not a number, not a duration, not a size, or "
     "empty.",
     "source:\n  event_time: {lateness: 30}     # 30 what? write 30s",
     "Durations have a unit: ms, s, m, h, d, w. Sizes are 512MiB, 2GiB or bytes."},
    {"E113", "the value is out of range", "The value has the right type but lies outside the stated range.",
     "model:\n  decide_at: 80        # a probability: 0 to 1",
     "Choose a value within the range that the message states."},
    {"E114", "not one of the choices", "The value is not one of the words this key allows.",
     "source: {start: earlist}", "Take the suggested word or one of the listed ones."},
    {"E115", "a required key is missing",
     "The section does not work without this key and there is no sensible default.",
     "source:\n  format: json         # which topic?", "Add the key."},
    {"E116", "the file is empty or no map", "A pipeline file is a map whose first key is usually `weir: 1`.",
     "- weir: 1", "`weir new minimal FILE` writes a small file to start from."},
    {"E117", "the file has too many nodes or is nested too deep",
     "Aliases can make a small file stand for a huge one, so the number of nodes (50,000), of "
     "keys of one map (4,096) and the depth (64) are limited.",
     NULL, "Write the file without aliases that contain aliases."},
    {"E118", "the name is not allowed",
     "A pipeline's name has lower case letters, digits, `.`, `_` and `-`, begins with a letter "
     "or digit and has at most 64 characters. Topics follow Kafka's rule: letters, digits, `.`, "
     "`_`, `-`, at most 249. A feature is a name that an expression can use: letters, digits, "
     "`_` and `.`, not beginning with a digit. Names are keys of saved state, so they have to "
     "be plain.",
     "name: Card Fraud!", "Choose another name."},
    {"E119", "another version of the file format",
     "The first line says which version of the format the file is written in. This weir reads "
     "version 1.",
     "weir: 2", "Write `weir: 1`, or use the weir that matches the file."},
    {"E120", "a YAML feature that pipeline files do not use",
     "Several documents in one file, keys that are not text, and tags (`!!int`, `!secret`) are "
     "not used: every value is typed by weir's own schema.",
     "trees: !!str 10", "Remove the tag or the `---`; write the value plainly."},
    {"E121", "--set cannot be applied",
     "`--set path=value` gives one value to one place, for example `model.options.rate=0.1` or "
     "`drift[0].options.delta=0.01`. The path is malformed, runs through a value that is no map "
     "or list, or counts past the end of a list.",
     "weir run f.yaml --set drift[7].name=x",
     "Check the path against the file. Keys that contain dots can be quoted: "
     "kafka.properties.\"fetch.wait.max.ms\"=20."},
    {"E201", "expression syntax", "The expression could not be read at the marked place.",
     "spend: sum(amount, 24h",
     "The operators are + - * / %, comparisons, `and or not`, and `if(c, a, b)`. `weir help "
     "reference` lists the functions."},
    {"E202", "unknown function", "There is no function or aggregate of this name.",
     "spend: summ(amount, 24h)",
     "Take the suggested name; `weir help reference` lists functions and aggregates."},
    {"E203", "wrong number or kind of arguments", "The function takes other arguments than these.",
     "spend: sum(amount)      # over which window?", "The message shows how the function is written."},
    {"E204", "unknown column",
     "The name is not a column at this place: neither of `source.schema` nor a feature defined "
     "before.",
     "source: {schema: {amount: float64}}\nfeatures:\n  - columns: {x: amout * 2}",
     "Take the suggested name, or add the column to `source.schema`. Every column that is used "
     "must be declared there."},
    {"E205", "types do not fit",
     "An operator or a key needs a value of another type: text cannot be added, a rule must be "
     "true or false, an event time must be a number.",
     "keep: amount + \"x\"", "Compare text with == and !=; make numbers of conditions with `if(c, 1, 0)`."},
    {"E206", "an aggregate is not allowed here",
     "Aggregates over windows stand in `features` only, not in `source.keep`, and not inside "
     "the argument of another aggregate.",
     "x: sum(mean(amount, 1h), 24h)",
     "Define the inner aggregate as a feature of its own, or use a plain expression."},
    {"E207", "bad duration or window length",
     "A window length is a positive duration such as 30s, 10m, 24h or 7d, within the supported "
     "range.",
     "x: count(10)", "Write a number and a unit: ms, s, m, h, d, w."},
    {"E208", "the expression is too large",
     "An expression may have 4,096 characters, depth 64 and a limited number of intermediate "
     "values, so that its cost per record stays bounded.",
     NULL, "Split it into several features; a feature may use the ones before it."},
    {"E209", "a column name stands twice",
     "Two columns have the same name: two features, or a feature and a column of "
     "`source.schema`.",
     "features:\n  - columns: {amount: amount * 2}", "Rename the feature. Names are keys of saved state."},
    {"E210", "used before it is defined",
     "The name is known, but only further down. Features are computed from top to bottom; the "
     "label is known after the prediction only.",
     "features:\n  - columns: {a: b + 1, b: amount * 2}", "Move the definition up."},
    {"E301", "unknown operator", "There is no codec, transform, learner, detector or metric of this name.",
     "model: {learner: logistic_regresion}", "Take the suggested name; `weir help` lists all operators."},
    {"E302", "unknown option",
     "The operator has no option of this name. A misspelt option would otherwise be a setting "
     "that silently does nothing.",
     "detector: adwin\noptions: {detla: 0.002}",
     "Take the suggested option; `weir help OPERATOR` lists them with ranges and defaults."},
    {"E303", "the option has another type",
     "The value of the option is not a number, duration, true/false or one of the words it "
     "takes.",
     "options: {delta: small}", "`weir help OPERATOR` shows the type of every option."},
    {"E304", "the option is out of range",
     "The value of the option lies outside its range, or a list is longer than supported.",
     "options: {delta: 2}     # adwin: at most 1",
     "Choose a value within the range that the message states."},
    {"E305", "a required option is missing", "The operator has no sensible default for this option.", NULL,
     "Add the option under `options:`."},
    {"E306", "the options do not fit together",
     "Each option is fine by itself, but the operator refuses the combination, or does not fit "
     "its input.",
     NULL, "The message says which two things contradict each other."},
    {"E310", "this needs labels",
     "A model learns from labels, and predictions come from a model; the file has none.",
     "model: {learner: logistic_regression, inputs: [a]}",
     "Add `labels: {field: COLUMN}`, or remove `model` to only watch columns or publish "
     "features."},
    {"E311", "the input is not a number",
     "Learners take numbers and true/false. Text has to be made a number first.",
     "inputs: [channel]       # channel: category", "Make a feature of it: `is_ecom: channel == \"ecom\"`."},
    {"E312", "the learner does not fit the label",
     "Some learners predict two classes, some several, some numbers; the label column is of "
     "another sort.",
     NULL, "Choose another learner, or name the positive class with `labels.positive`."},
    {"E313", "the metric does not fit",
     "The metric does not measure this sort of prediction: for example f1 of a regression.", NULL,
     "For numbers use mae or rmse; for two classes accuracy, f1 or log_loss; for several accuracy."},
    {"E314", "nothing to watch under this name",
     "`watch` names `model.error` or a column that is a number; this is neither.",
     "drift: [{name: a, watch: model.eror, detector: adwin}]",
     "Watch `model.error`, a numeric column of `source.schema` or a feature."},
    {"E315", "nothing to do",
     "The pipeline has no model, no drift and no `sinks.features`, so records would be read and "
     "thrown away.",
     NULL, "Add one of the three."},
    {"E316", "a sink writes to the source topic", "The pipeline would read its own output again, forever.",
     "source: {topic: a}\nsinks: {predictions: {topic: a}}", "Give the sink a topic of its own."},
    {"E317", "unknown output field",
     "`fields` of a sink names a column, a field of the prediction or of the alert; this is "
     "none of them.",
     "fields: [scroe]",
     "Take the suggested name. Predictions have score, decision, label, time and model.version "
     "beside all columns."},
    {"E318", "reset without a model",
     "`then: [reset]` lets the model start afresh on drift, but the pipeline has no model.", NULL,
     "Use `then: [alert]`, or add a model."},
    {"E319", "the name stands twice",
     "Names in one list have to differ: they are keys of saved state and of metrics.",
     "drift:\n  - {name: a, watch: x, detector: adwin}\n  - {name: a, watch: y, detector: adwin}",
     "Rename one of the two."},
    {"E320", "not in this version of weir",
     "The key or value is part of the file format, but this version does not do it yet. weir "
     "refuses the file rather than run it without.",
     "http: {listen: \"127.0.0.1:9464\"}",
     "Remove it; `weir help reference` lists what this version does not do yet."},
    {"E401", "unknown Kafka property",
     "librdkafka, the Kafka client weir uses, has no property of this name.",
     "kafka: {properties: {fetch.wait.max: 20}}",
     "Take the suggested name. Names are those of librdkafka's CONFIGURATION.md, which differ "
     "from the Java client's in places."},
    {"E402", "a Kafka property that weir sets itself",
     "Offsets, group membership and delivery are what weir's guarantees rest on, so these "
     "properties cannot be set by hand.",
     "kafka: {properties: {enable.auto.commit: true}}",
     "Remove it; the key of the pipeline file named in the message does what is wanted."},
    {"E403", "the Kafka client refuses the value", "librdkafka knows the property but not this value.",
     "kafka: {properties: {fetch.wait.max.ms: soon}}", "The message says what the client accepts."},
    {"E404", "the broker cannot be reached", "No broker of `kafka.brokers` answered in time.",
     "kafka: {brokers: \"localhost:9093\"}",
     "Check address, port and security protocol; `docker compose ps` if the broker runs there."},
    {"E405", "the topic does not exist", "The broker answers but has no topic of this name.", NULL,
     "Create the topic, or correct `source.topic`. weir does not create topics it reads from."},
    {"E410", "the group's offsets are not weir's",
     "Exactly-once keeps a unit number and a digest in the metadata of the group's offsets. Here something "
     "else "
     "stands there: another program commits offsets in this group.",
     NULL, "Give the pipeline a `source.group` of its own."},
    {"E411", "the state cannot be rebuilt",
     "The journal, every snapshot that reaches back far enough, or the input after it is gone or broken.",
     NULL,
     "The message says which topic. Bring it back from a copy, or start with a new `source.group`: windows "
     "and "
     "model start cold there."},
    {"E412", "the replay diverged",
     "The input, the outputs or the state made again differ from what the journal says was committed: input "
     "was "
     "rewritten or lost, a snapshot was changed, or weir has a bug.",
     NULL, "The task stops and its evidence (journal, snapshots, input) is kept. Other tasks go on."},
    {"E413", "the topic does not suit exactly_once",
     "After a crash the state is made again from the input after a snapshot: a log that is compacted, keeps "
     "its records "
     "too briefly or may lose them in a leader election cannot promise that.",
     NULL, "The message names the topic and the setting to change, or use `delivery: at_least_once`."},
    {"E417", "too many records could not be applied",
     "Of a thousand records of a task more than `dead_letter.pause_above` percent became dead letters: a "
     "mistake in what writes or reads them, more likely than in each of them. The task reads no more; the "
     "others go on.",
     "dead_letter: {topic: d, pause_above: 5}",
     "Mend the writer or the schema and start again, which goes on behind these records; or raise "
     "`dead_letter.pause_above` (100 = never)."},
    {"W320", "the label is also an input",
     "The model sees the answer while it predicts: the metrics will look perfect and mean "
     "nothing.",
     "labels: {field: class}\nmodel: {inputs: [a, b, class]}", "Remove the label from `model.inputs`."},
};

#define CODE_COUNT (sizeof codes / sizeof codes[0])

const struct weir_code *weir_codes(size_t *count) {
    *count = CODE_COUNT;
    return codes;
}

static int compare_code(const void *code, const void *row) {
    return strcasecmp(code, ((const struct weir_code *)row)->code);
}

const struct weir_code *weir_code_find(const char *code) {
    return bsearch(code, codes, CODE_COUNT, sizeof codes[0], compare_code);
}
