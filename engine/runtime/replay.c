/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/replay.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/log.h"
#include "file/file.h"

struct replay {
    const struct weir_replay_options *options;
    struct weir_coder *coder; /* the task's: learns the columns from the file's header */
    struct weir_file_source *source;
    struct weir_file_sink *sinks[WEIR_STREAM_COUNT];
    struct weir_record *records;
    uint64_t read, next_log;
};

static int open_sink(struct replay *replay, int stream, struct weir_error *error) {
    const struct weir_plan_stream *plan = &replay->options->plan->streams[stream];
    struct weir_buffer header;
    struct weir_coder *coder = NULL;
    weir_buffer_init(&header);
    int result = WEIR_OK;
    if (plan->codec && plan->codec->encode_header) {
        result = plan->codec->open(&plan->schema, &coder, error);
        if (!result) result = plan->codec->encode_header(coder, &header);
        if (!result && plan->codec->lines) result = weir_buffer_append_char(&header, '\n');
        if (coder) plan->codec->close(coder);
    }
    if (!result)
        result =
            weir_file_sink_open(replay->options->outputs[stream],
                                (struct weir_bytes){header.data, header.len}, &replay->sinks[stream], error);
    weir_buffer_deinit(&header);
    return result;
}

static int open_files(struct replay *replay, struct weir_error *error) {
    const struct weir_codec *codec = replay->options->plan->codec;
    int result = weir_file_source_open(replay->options->source, codec, replay->coder, &replay->source, error);
    for (int i = 0; i < WEIR_STREAM_COUNT && !result; i++)
        if (replay->options->outputs[i]) result = open_sink(replay, i, error);
    return result;
}

/* Rows of files that are lines get their line end here; codecs write bare values. */
static int write_record(struct weir_file_sink *sink, const struct weir_output_record *record, bool lines,
                        struct weir_error *error) {
    int result = weir_file_sink_write(sink, record->value, error);
    if (!result && lines && (record->value.len == 0 || record->value.data[record->value.len - 1] != '\n'))
        result = weir_file_sink_write(sink, (struct weir_bytes){"\n", 1}, error);
    return result;
}

static int write_outputs(struct replay *replay, const struct weir_outputs *outputs,
                         struct weir_error *error) {
    for (uint32_t i = 0; i < outputs->record_count; i++) {
        const struct weir_output_record *record = &outputs->records[i];
        struct weir_file_sink *sink = replay->sinks[record->stream];
        const struct weir_codec *codec = replay->options->plan->streams[record->stream].codec;
        if (!sink) continue;
        int result = write_record(sink, record, !codec || codec->lines, error);
        if (result) return result;
    }
    return WEIR_OK;
}

static int tell_bad_row(struct replay *replay, const struct weir_outputs *outputs,
                        const struct weir_task *task, struct weir_error *error) {
    if (!outputs->first_error) return WEIR_OK;
    const struct weir_data_error *bad = outputs->first_error;
    weir_error_set(error, WEIR_DATA, "%s row %lld: %s%s%s [%s]", replay->options->source,
                   (long long)outputs->first_error_record->offset, bad->field ? bad->field : "",
                   bad->field ? ": " : "", bad->text, bad->code);
    if (replay->options->strict_data) return WEIR_DATA;
    uint64_t so_far = weir_task_counts(task)->dead_lettered;
    if (so_far >= replay->next_log) {
        weir_log(WEIR_LOG_WARNING, "%s (%llu bad rows so far)", error->text, (unsigned long long)so_far);
        replay->next_log = so_far * 2;
    }
    return WEIR_OK;
}

static int feed(struct replay *replay, struct weir_task *task, struct weir_error *error) {
    const struct weir_replay_options *options = replay->options;
    for (;;) {
        uint64_t left = options->limit ? options->limit - replay->read : WEIR_BATCH_MAX;
        if (!left) return WEIR_OK;
        int count = weir_file_source_read(replay->source, replay->records,
                                          left < WEIR_BATCH_MAX ? (uint32_t)left : WEIR_BATCH_MAX, error);
        if (count == WEIR_END || count == 0) return WEIR_OK;
        if (count < 0) return count;
        struct weir_outputs outputs;
        int result = weir_task_process(task, replay->records, (uint32_t)count, &outputs);
        if (result)
            return weir_error_set(error, result, "row %llu: the task failed",
                                  (unsigned long long)replay->read);
        replay->read += (uint64_t)count;
        if (options->batch) options->batch(options->owner, task, &outputs);
        result = write_outputs(replay, &outputs, error);
        if (!result) result = tell_bad_row(replay, &outputs, task, error);
        if (result) return result;
    }
}

int weir_replay_run(const struct weir_replay_options *options, struct weir_task *task,
                    struct weir_error *error) {
    struct replay replay = {.options = options, .next_log = 1};
    replay.records = calloc(WEIR_BATCH_MAX, sizeof *replay.records);
    if (!replay.records) return weir_error_set(error, WEIR_NOMEM, "no memory");
    replay.coder = weir_task_coder(task);
    weir_task_tick(task, options->now_ms);
    int result = open_files(&replay, error);
    if (!result) result = feed(&replay, task, error);
    for (int i = 0; i < WEIR_STREAM_COUNT; i++) {
        int closed = replay.sinks[i] ? weir_file_sink_close(replay.sinks[i], result ? NULL : error) : WEIR_OK;
        if (!result) result = closed;
    }
    if (replay.source) weir_file_source_close(replay.source);
    free(replay.records);
    return result;
}
