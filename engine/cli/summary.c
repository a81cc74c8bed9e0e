/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "weir/number.h"

#define ALERT_MAX 100000 /* kept for the summary of a long run; all of them are published and counted */

void weir_summary_init(struct weir_summary *summary, const struct weir_plan *plan) {
    memset(summary, 0, sizeof *summary);
    summary->plan = plan;
    summary->started_s = weir_clock_s();
}

void weir_summary_deinit(struct weir_summary *summary) { free(summary->alerts); }

void weir_summary_batch(void *owner, const struct weir_task *task, const struct weir_outputs *outputs) {
    struct weir_summary *summary = owner;
    (void)task;
    for (uint32_t i = 0; i < outputs->alert_count; i++) {
        if (summary->alert_count == ALERT_MAX) return;
        if (summary->alert_count == summary->alert_capacity) {
            uint32_t capacity = summary->alert_capacity ? summary->alert_capacity * 2 : 64;
            void *alerts = realloc(summary->alerts, capacity * sizeof *summary->alerts);
            if (!alerts) return;
            summary->alerts = alerts;
            summary->alert_capacity = capacity;
        }
        const struct weir_alert *alert = &outputs->alerts[i];
        summary->alerts[summary->alert_count++] =
            (struct weir_summary_alert){alert->drift->name, alert->drift->detector->op.name, alert->row};
    }
}

static void put_number(struct weir_buffer *out, double value) {
    char text[32];
    if (isfinite(value))
        weir_buffer_append(out, text, weir_number_format(value, text));
    else
        weir_buffer_append_text(out, "null");
}

static void put_metrics(const struct weir_summary *summary, const struct weir_task *task, bool window,
                        struct weir_buffer *out) {
    const struct weir_plan_model *model = &summary->plan->model;
    for (uint32_t i = 0; task && i < model->metric_count; i++) {
        weir_buffer_format(out, "%s\"%s\":", i ? "," : "", model->metrics[i]->op.name);
        put_number(out, window ? weir_task_metric_window(task, i) : weir_task_metric(task, i));
    }
}

/* {"count":123,"p50_ms":2.431,...} */
static void put_commits(const struct weir_latency *commits, struct weir_buffer *out) {
    if (!commits->count) return;
    weir_buffer_format(out,
                       ",\"commits\":{\"count\":%" PRIu64 ",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}",
                       commits->count, (double)weir_latency_quantile_us(commits, 0.5) / 1e3,
                       (double)weir_latency_quantile_us(commits, 0.99) / 1e3, (double)commits->max_us / 1e3);
}

void weir_summary_json(const struct weir_summary *summary, const struct weir_task_counts *counts,
                       const struct weir_task *task, struct weir_buffer *out) {
    weir_buffer_append_text(out, "{\"pipeline\":");
    weir_json_text(out, summary->plan->name, strlen(summary->plan->name));
    weir_buffer_format(out,
                       ",\"rows\":%" PRIu64 ",\"records\":{\"read\":%" PRIu64 ",\"applied\":%" PRIu64
                       ",\"late\":%" PRIu64 ",\"dead_lettered\":%" PRIu64 ",\"dropped\":%" PRIu64 "}",
                       counts->read, counts->read, counts->applied, counts->late, counts->dead_lettered,
                       counts->dropped);
    /* Labels of the same record never wait, expire or miss their event. */
    weir_buffer_format(out, ",\"labels\":{\"matched\":%" PRIu64 ",\"pending\":0,\"expired\":0,\"orphan\":0}",
                       counts->labelled);
    weir_buffer_append_text(out, ",\"metrics\":{");
    put_metrics(summary, task, false, out);
    weir_buffer_append_text(out, "}");
    if (summary->plan->model.window_rows) {
        weir_buffer_append_text(out, ",\"metrics_window\":{");
        put_metrics(summary, task, true, out);
        weir_buffer_append_text(out, "}");
    }
    weir_buffer_append_text(out, ",\"alerts\":[");
    for (uint32_t i = 0; i < summary->alert_count; i++) {
        const struct weir_summary_alert *alert = &summary->alerts[i];
        weir_buffer_append_text(out, i ? ",{\"name\":" : "{\"name\":");
        weir_json_text(out, alert->name, strlen(alert->name));
        weir_buffer_format(out, ",\"detector\":\"%s\",\"row\":%" PRIu64 "}", alert->detector, alert->row);
    }
    weir_buffer_append_text(out, "]");
    put_commits(&summary->commits, out);
    weir_buffer_format(out, ",\"seconds\":%.3f}\n", weir_clock_s() - summary->started_s);
}

static void put_text_metric(double value, struct weir_buffer *out) {
    if (isfinite(value))
        weir_buffer_format(out, "%.6f", value);
    else
        weir_buffer_append_text(out, "-"); /* no labelled row yet */
}

void weir_summary_text(const struct weir_summary *summary, const struct weir_task_counts *counts,
                       const struct weir_task *task, struct weir_buffer *out) {
    double seconds = weir_clock_s() - summary->started_s;
    weir_buffer_format(out,
                       "%s: %" PRIu64 " read = %" PRIu64 " applied + %" PRIu64 " late + %" PRIu64
                       " dead-lettered + %" PRIu64 " dropped, in %.2f s\n",
                       summary->plan->name, counts->read, counts->applied, counts->late,
                       counts->dead_lettered, counts->dropped, seconds);
    const struct weir_latency *commits = &summary->commits;
    if (commits->count)
        weir_buffer_format(out, "  %" PRIu64 " commits, p50 %.1f ms, p99 %.1f ms, at most %.1f ms\n",
                           commits->count, (double)weir_latency_quantile_us(commits, 0.5) / 1e3,
                           (double)weir_latency_quantile_us(commits, 0.99) / 1e3,
                           (double)commits->max_us / 1e3);
    const struct weir_plan_model *model = &summary->plan->model;
    for (uint32_t i = 0; task && i < model->metric_count; i++) {
        weir_buffer_format(out, "  %-10s ", model->metrics[i]->op.name);
        put_text_metric(weir_task_metric(task, i), out);
        if (model->window_rows) {
            weir_buffer_format(out, "   last %u rows ", model->window_rows);
            put_text_metric(weir_task_metric_window(task, i), out);
        }
        weir_buffer_append_text(out, "\n");
    }
    for (uint32_t i = 0; i < summary->alert_count && i < 20; i++)
        weir_buffer_format(out, "  drift %s (%s) at row %" PRIu64 "\n", summary->alerts[i].name,
                           summary->alerts[i].detector, summary->alerts[i].row);
    if (summary->alert_count > 20) weir_buffer_format(out, "  ... and %u more\n", summary->alert_count - 20);
}
