/* SPDX-License-Identifier: Apache-2.0 */
/* properties.c: kafka.properties of a pipeline file against what librdkafka knows, before anything is opened.
 *
 * E401 unknown name (with the nearest known one), E402 a name that weir itself sets, E403 a value that
 * librdkafka refuses: alone, or together with the others. The latter shows only when a client is made, so one
 * of each kind is made and thrown away; without brokers it connects nowhere.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka/client.h"

/* Names that librdkafka accepts but leaves out of its dump: aliases, and properties that have no default. */
static const char *const undumped_names[] = {
    "acks",
    "retries",
    "linger.ms",
    "compression.type",
    "delivery.timeout.ms",
    "max.in.flight",
    "group.instance.id",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "sasl.kerberos.keytab",
    "sasl.oauthbearer.config",
    "ssl.cipher.suites",
    "ssl.curves.list",
    "ssl.sigalgs.list",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.crl.location",
    "ssl.keystore.location",
    "ssl.keystore.password",
};
#define UNDUMPED_COUNT (sizeof undumped_names / sizeof undumped_names[0])

static void suggest(const char *name, struct weir_diags *diags) {
    size_t global_count, topic_count, count = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
    const char **global = rd_kafka_conf_dump(conf, &global_count); /* name, value, name, value, ... */
    const char **topic = rd_kafka_topic_conf_dump(topic_conf, &topic_count);
    const char **names = calloc(global_count + topic_count + UNDUMPED_COUNT, sizeof *names);
    for (size_t i = 0; names && i < global_count; i += 2)
        if (!weir_kafka_is_owned(global[i])) names[count++] = global[i];
    for (size_t i = 0; names && i < topic_count; i += 2)
        if (!weir_kafka_is_owned(topic[i])) names[count++] = topic[i];
    for (size_t i = 0; names && i < UNDUMPED_COUNT; i++) names[count++] = undumped_names[i];
    const char *near = count ? weir_suggest(name, names, count) : NULL;
    if (near) weir_diag_help(diags, "did you mean '%s'?", near);
    free(names);
    rd_kafka_conf_dump_free(global, global_count);
    rd_kafka_conf_dump_free(topic, topic_count);
    rd_kafka_topic_conf_destroy(topic_conf);
    rd_kafka_conf_destroy(conf);
}

/* True when the property stands by itself. */
static bool check_one(const struct weir_property *property, struct weir_diags *diags) {
    for (const struct weir_kafka_owned *owned = weir_kafka_owned_names; owned->name; owned++) {
        if (strcmp(owned->name, property->name)) continue;
        weir_diag_add(diags, "E402", property->name_mark, "property '%s' is set by weir", property->name);
        weir_diag_help(diags, "%s", owned->why);
        return false;
    }
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, property->name, property->value, why, sizeof why);
    rd_kafka_conf_destroy(conf);
    if (result == RD_KAFKA_CONF_OK) return true;
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        weir_diag_add(diags, "E401", property->name_mark, "unknown librdkafka property '%s'", property->name);
        suggest(property->name, diags);
    } else {
        weir_diag_add(diags, "E403", property->value_mark, "librdkafka refuses this value of '%s'",
                      property->name);
        if (!property->secret) weir_diag_help(diags, "%s", why); /* it quotes the value */
    }
    return false;
}

/* The place of a refusal that concerns several properties: the one that librdkafka's words name, else the
 * first. */
static struct weir_mark mark_named(const struct weir_property *properties, uint32_t count,
                                   const char *words) {
    for (uint32_t i = 0; i < count; i++)
        if (strstr(words, properties[i].name)) return properties[i].value_mark;
    return properties[0].value_mark;
}

/* Secret values are kept out of what is shown: true when words hold one. */
static bool tells_secret(const struct weir_property *properties, uint32_t count, const char *words) {
    for (uint32_t i = 0; i < count; i++)
        if (properties[i].secret && *properties[i].value && strstr(words, properties[i].value)) return true;
    return false;
}

static bool check_together(rd_kafka_type_t type, const struct weir_property *properties, uint32_t count,
                           struct weir_diags *diags) {
    const struct weir_kafka_client nowhere = {.properties = properties, .property_count = count};
    bool consumer = type == RD_KAFKA_CONSUMER;
    struct weir_error error;
    rd_kafka_conf_t *conf = weir_kafka_conf_create(
        &nowhere, consumer ? weir_kafka_consumer_defaults : weir_kafka_producer_defaults,
        consumer ? weir_kafka_consumer_owned : weir_kafka_producer_owned, &error);
    if (conf && consumer && !weir_kafka_conf_set(conf, "group.id", "check", &error)) {
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    rd_kafka_t *rk = conf ? weir_kafka_client_create(type, conf, &error) : NULL;
    if (rk) {
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        return true;
    }
    weir_diag_add(diags, "E403", mark_named(properties, count, error.text),
                  "librdkafka refuses these properties together");
    if (!tells_secret(properties, count, error.text)) weir_diag_help(diags, "%s", error.text);
    return false;
}

void weir_kafka_check_properties(const struct weir_property *properties, uint32_t count,
                                 struct weir_diags *diags) {
    bool good = count > 0;
    for (uint32_t i = 0; i < count; i++) good &= check_one(&properties[i], diags);
    if (good && check_together(RD_KAFKA_CONSUMER, properties, count, diags))
        check_together(RD_KAFKA_PRODUCER, properties, count, diags);
}
