/* SPDX-License-Identifier: Apache-2.0 */
/* demo_table.c: sums of the run so far, their differences since the last line, and the verdict at the end.
 *
 * "Since last" values come from cumulative ones, so the engine keeps nothing extra for the demo:
 *
 *   loss    L = log_loss * n                     mean since last = (L - L') / (n - n')
 *   errors  E = (1 - accuracy) * n = FP + FN
 *   TP      f1 = 2 TP / (2 TP + E)  =>  TP = f1 E / (2 (1 - f1)), rounded: it is a count
 *
 * (n labelled rows.) Without any error f1 is 1 and says nothing about TP; the first line of the demo is far
 * beyond that. An alarm is a drift found when it is the first since that drift began; any other is false.
 */
#include "cli/demo_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define FIRST_LINE 1024

const char *weir_demo_thousands(uint64_t number, char out[32]) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *to = out;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

/* ---- sums ---- */

static double metric(const struct weir_demo_table *table, const struct weir_task *task, const char *name) {
    for (uint32_t i = 0; i < table->plan->model.metric_count; i++)
        if (!strcmp(table->plan->model.metrics[i]->op.name, name)) return weir_task_metric(task, i);
    return (double)NAN;
}

static struct weir_demo_sums sums_of(const struct weir_demo_table *table, const struct weir_task *task) {
    const struct weir_task_counts *counts = weir_task_counts(task);
    double n = (double)counts->labelled, f1 = metric(table, task, "f1");
    struct weir_demo_sums sums = {.time_s = weir_clock_s(),
                                  .rows = counts->read,
                                  .labelled = counts->labelled,
                                  .loss = metric(table, task, "log_loss") * n,
                                  .errors = round((1 - metric(table, task, "accuracy")) * n)};
    sums.true_positives = round(f1 * sums.errors / (2 * (1 - f1)));
    return sums;
}

struct columns {
    double rows_per_s, loss, loss_since, f1, f1_since;
};

static double f1_of(double true_positives, double errors) {
    return 2 * true_positives / (2 * true_positives + errors);
}

static struct columns columns_of(const struct weir_demo_table *table) {
    const struct weir_demo_sums *now = &table->now, *last = &table->last_line;
    return (struct columns){
        .rows_per_s =
            now->time_s > last->time_s ? (double)(now->rows - last->rows) / (now->time_s - last->time_s) : 0,
        .loss = now->loss / (double)now->labelled,
        .loss_since = (now->loss - last->loss) / (double)(now->labelled - last->labelled),
        .f1 = f1_of(now->true_positives, now->errors),
        .f1_since = f1_of(now->true_positives - last->true_positives, now->errors - last->errors),
    };
}

/* ---- lines ---- */

static void print_number(const char *name, double value) {
    if (isfinite(value))
        printf(",\"%s\":%.6g", name, value);
    else
        printf(",\"%s\":null", name);
}

static void print_line(struct weir_demo_table *table, uint64_t lag, const char *note) {
    struct columns columns = columns_of(table);
    if (table->json) {
        printf("{\"type\":\"progress\",\"rows\":%llu,\"labelled\":%llu", (unsigned long long)table->now.rows,
               (unsigned long long)table->now.labelled);
        print_number("rows_per_s", columns.rows_per_s);
        print_number("log_loss", columns.loss);
        print_number("log_loss_since_last", columns.loss_since);
        print_number("f1", columns.f1);
        print_number("f1_since_last", columns.f1_since);
        printf(",\"lag\":%llu}\n", (unsigned long long)lag);
    } else {
        char rows[32], labelled[32], speed[32], behind[32];
        printf("%9s %8s %9s %9.4f %10.4f %7.3f %10.3f %6s%s%s\n", weir_demo_thousands(table->now.rows, rows),
               weir_demo_thousands((uint64_t)columns.rows_per_s, speed),
               weir_demo_thousands(table->now.labelled, labelled), columns.loss, columns.loss_since,
               columns.f1, columns.f1_since, weir_demo_thousands(lag, behind), *note ? "  " : "", note);
    }
    table->last_line = table->now;
    if (fflush(stdout)) table->broken = true;
}

void weir_demo_table_begin(struct weir_demo_table *table, const struct weir_plan *plan, bool json,
                           uint64_t planned) {
    *table = (struct weir_demo_table){
        .plan = plan, .json = json, .planned = planned, .next_line = FIRST_LINE, .started_s = weir_clock_s()};
    table->last_line.time_s = table->started_s;
    if (!json)
        printf("%9s %8s %9s %9s %10s %7s %10s %6s  %s\n", "rows", "rows/s", "labelled", "log_loss",
               "since last", "f1", "since last", "lag", "note");
    if (fflush(stdout)) table->broken = true;
}

/* ---- alerts ---- */

/* The drift that an alarm at this row answers, or -1: nothing had been injected. */
static int drift_before(const struct weir_demo_table *table, uint64_t row) {
    int drift = -1;
    while (drift + 1 < WEIR_DEMO_DRIFT_COUNT && row >= weir_demo_stream_drift_row(table->planned, drift + 1))
        drift++;
    return drift;
}

static void see_alert(struct weir_demo_table *table, const struct weir_alert *alert, uint64_t lag) {
    int drift = drift_before(table, alert->row);
    bool is_false = drift < 0 || table->found_row[drift];
    uint64_t delay = is_false ? 0 : alert->row - weir_demo_stream_drift_row(table->planned, drift);
    if (is_false)
        table->false_alarms++;
    else
        table->found_row[drift] = alert->row;
    const struct weir_drift_report *report = &alert->report;
    const char *name = alert->drift->name, *detector = alert->drift->detector->op.name;
    if (table->json) {
        printf("{\"type\":\"alert\",\"name\":\"%s\",\"detector\":\"%s\",\"row\":%llu,\"false_alarm\":%s",
               name, detector, (unsigned long long)alert->row, is_false ? "true" : "false");
        print_number("delay", is_false ? (double)NAN : (double)delay);
        print_number("mean_before", report->mean_before);
        print_number("mean_after", report->mean_after);
        printf("}\n");
        return;
    }
    char note[200], text[32];
    snprintf(note, sizeof note, "DRIFT %s (%s) %.2f -> %.2f%s%s%s%s", name, detector, report->mean_before,
             report->mean_after, is_false ? ", FALSE ALARM" : ", ",
             is_false ? "" : weir_demo_thousands(delay, text), is_false ? "" : " rows after it began",
             alert->drift->actions & WEIR_ACTION_RESET ? "; model starts afresh" : "");
    print_line(table, lag, note);
}

void weir_demo_table_batch(struct weir_demo_table *table, const struct weir_task *task,
                           const struct weir_outputs *outputs, uint64_t lag) {
    bool is_line = weir_task_counts(task)->read >= table->next_line;
    if (!is_line && !outputs->alert_count) return;
    table->now = sums_of(table, task);
    for (uint32_t i = 0; i < outputs->alert_count; i++) see_alert(table, &outputs->alerts[i], lag);
    if (is_line && table->now.rows > table->last_line.rows) print_line(table, lag, "");
    while (table->next_line <= table->now.rows) table->next_line *= 2;
}

/* ---- the end ---- */

static void print_end_text(const struct weir_demo_table *table, const struct weir_task_counts *counts,
                           int injected, int found) {
    char rows[32], text[32];
    printf("done: %s rows, %d drift%s injected, %d found", weir_demo_thousands(counts->read, rows), injected,
           injected == 1 ? "" : "s", found);
    const char *between = " (delay ";
    for (int i = 0; i < injected; i++) {
        if (!table->found_row[i]) continue;
        uint64_t delay = table->found_row[i] - weir_demo_stream_drift_row(table->planned, i);
        printf("%s%s", between, weir_demo_thousands(delay, text));
        between = " and ";
    }
    if (found) printf(" rows)");
    printf(", %llu false alarm%s, %llu dead letters", (unsigned long long)table->false_alarms,
           table->false_alarms == 1 ? "" : "s", (unsigned long long)counts->dead_lettered);
    if (counts->late) printf(", %llu late", (unsigned long long)counts->late);
    printf("\n");
}

static void print_end_json(const struct weir_demo_table *table, const struct weir_task_counts *counts,
                           int injected, int found) {
    printf("{\"type\":\"done\",\"rows\":%llu,\"drifts_injected\":%d,\"drifts_found\":%d,\"delays\":[",
           (unsigned long long)counts->read, injected, found);
    for (int i = 0; i < injected; i++) {
        if (i) printf(",");
        if (table->found_row[i])
            printf("%llu",
                   (unsigned long long)(table->found_row[i] - weir_demo_stream_drift_row(table->planned, i)));
        else
            printf("null");
    }
    printf(
        "],\"false_alarms\":%llu,\"applied\":%llu,\"late\":%llu,\"dead_letters\":%llu,\"dropped\":%llu,"
        "\"predictions\":%llu,\"seconds\":%.3f}\n",
        (unsigned long long)table->false_alarms, (unsigned long long)counts->applied,
        (unsigned long long)counts->late, (unsigned long long)counts->dead_lettered,
        (unsigned long long)counts->dropped, (unsigned long long)counts->predictions,
        weir_clock_s() - table->started_s);
}

bool weir_demo_table_end(struct weir_demo_table *table, const struct weir_task_counts *counts) {
    int injected = 0, found = 0;
    for (int i = 0; i < WEIR_DEMO_DRIFT_COUNT; i++) {
        injected += counts->read >= weir_demo_stream_drift_row(table->planned, i);
        found += table->found_row[i] != 0;
    }
    (table->json ? print_end_json : print_end_text)(table, counts, injected, found);
    if (fflush(stdout)) table->broken = true;
    return found == injected && !table->false_alarms && counts->applied == counts->read;
}
