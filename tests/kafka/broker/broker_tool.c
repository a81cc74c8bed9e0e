/* SPDX-License-Identifier: Apache-2.0 */
/* broker_tool.c: what script/broker needs and a shell cannot do fast: free ports, is it up, create a topic.
 *
 *   broker_tool ports N                     N ports of loopback that the kernel says are free, one a line
 *   broker_tool wait BROKERS TIMEOUT_MS     0 once a broker answers
 *   broker_tool create BROKERS TOPIC PARTITIONS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kafka/kafka.h"

/* All sockets are held until all ports are known, so that they differ. */
static int print_ports(int count) {
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) ||
            getsockname(fd, (struct sockaddr *)&address, &len)) {
            perror("broker_tool: ports");
            return 1;
        }
        printf("%d\n", ntohs(address.sin_port));
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "ports")) return print_ports(atoi(argv[2]));
    if (argc < 4) return 64;
    struct weir_kafka_client client = {.brokers = argv[2]};
    struct weir_error error;
    int result = WEIR_CONFIG;
    if (!strcmp(argv[1], "wait") && argc == 4) {
        struct weir_kafka_topic_facts facts;
        result = weir_kafka_topic_look(&client, "any", atoi(argv[3]), &facts, &error);
    } else if (!strcmp(argv[1], "create") && argc == 5) {
        result = weir_kafka_topic_create(&client, argv[3], atoi(argv[4]), 15000, &error);
    } else {
        return 64;
    }
    if (result) fprintf(stderr, "broker_tool: %s\n", error.text);
    return result != WEIR_OK;
}
