/* Loads for echo servers on 127.0.0.1.
 *
 *   c_echo_load tcp PORT CONNECTIONS SIZE SECONDS    one message outstanding a connection
 *   c_echo_load udp PORT WINDOW SIZE SECONDS         WINDOW datagrams outstanding, over 8 sockets
 *   c_echo_load udpcount PORT WINDOW SIZE NUMBER     the same, until NUMBER datagrams have come back
 *   c_echo_load bulk PORT 1 SIZE MEBIBYTES           one connection, as much as it takes, in writes of SIZE
 *   c_echo_load many PORT CONNECTIONS SIZE SECONDS   a message a second on each, spread over the second
 *   c_echo_load stuck PORT CONNECTIONS SIZE SECONDS  all but one send for ever and never read; that one is as in tcp,
 *                                                    with a message every millisecond
 *
 * Prints one JSON object: echoes, seconds, per_second (bulk: bytes), lost, and percentiles of the round trip in
 * microseconds. A datagram not back in 200 ms is counted as lost and sent again; a message of `many` that is not back
 * when the next is due is lost. With -w as the last word it waits for a line on standard input before it closes its
 * connections, so that the server can be looked at.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, BUCKETS = 1000000, SOCKETS = 8, BATCH = 64 };

static unsigned histogram[BUCKETS]; /* one bucket a microsecond */
static long echoes, lost;
static char payload[65536], buffer[65536];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void count(double sent, double at) {
    long us = (at - sent) * 1e6;
    histogram[us < 0 ? 0 : us >= BUCKETS ? BUCKETS - 1 : us]++;
    echoes++;
}

static int percentile(double part) {
    long seen = 0;
    for (int us = 0; us < BUCKETS; us++)
        if ((seen += histogram[us]) >= echoes * part) return us;
    return BUCKETS;
}

static int connected(int type, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, fd = socket(AF_INET, type, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        perror("connect");
        exit(1);
    }
    if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void load_tcp(int port, int connections, int size, double seconds) {
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0);
    int *fds = calloc(connections, sizeof *fds), *left = calloc(connections, sizeof *left);
    double *sent = calloc(connections, sizeof *sent);
    for (int i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        fds[i] = connected(SOCK_STREAM, port);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
    }
    double end = now() + seconds;
    for (int i = 0; i < connections; i++) {
        left[i] = size;
        sent[i] = now();
        send(fds[i], payload, size, 0);
    }
    for (double at = now(); at < end; at = now()) {
        int ready = epoll_wait(epoll, events, EVENTS, 100);
        for (int e = 0; e < ready; e++) {
            int i = events[e].data.u32;
            ssize_t got = recv(fds[i], buffer, sizeof buffer, 0);
            if (got <= 0) {
                fprintf(stderr, "the server closed a connection\n");
                exit(1);
            }
            if ((left[i] -= got) > 0) continue;
            double at = now();
            count(sent[i], at);
            left[i] = size;
            sent[i] = at;
            send(fds[i], payload, size, 0);
        }
    }
}

/* Each datagram carries when it was sent; a slot of the window is its socket's business alone. */
static void load_udp(int port, int window, int size, double seconds, long number) {
    struct epoll_event events[SOCKETS];
    int epoll = epoll_create1(0), fds[SOCKETS], outstanding[SOCKETS] = {0};
    double heard[SOCKETS];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    static char rows[BATCH][65536];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) {
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        vectors[i].iov_base = rows[i];
    }
    for (int i = 0; i < SOCKETS; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        fds[i] = connected(SOCK_DGRAM, port);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
        heard[i] = 0;
    }
    int each = window / SOCKETS > 0 ? window / SOCKETS : 1;
    if (each > BATCH) each = BATCH;
    double end = now() + seconds;
    for (double at = now(); at < end && echoes < number; at = now()) {
        for (int i = 0; i < SOCKETS; i++) {
            if (at - heard[i] < 0.2) continue;
            if (heard[i] > 0) lost += outstanding[i];
            heard[i] = at;
            outstanding[i] = each;
            memcpy(payload, &at, sizeof at);
            for (int n = 0; n < each; n++) send(fds[i], payload, size, 0);
        }
        int ready = epoll_wait(epoll, events, SOCKETS, 50);
        for (int e = 0; e < ready; e++) {
            int i = events[e].data.u32;
            for (int n = 0; n < BATCH; n++) vectors[n].iov_len = sizeof rows[n];
            int got = recvmmsg(fds[i], messages, BATCH, MSG_DONTWAIT, NULL);
            if (got <= 0) continue;
            double at = now();
            heard[i] = at;
            for (int n = 0; n < got; n++) {
                double sent;
                memcpy(&sent, rows[n], sizeof sent);
                count(sent, at);
                memcpy(rows[n], &at, sizeof at);
                vectors[n].iov_len = messages[n].msg_len;
            }
            sendmmsg(fds[i], messages, got, 0);
        }
    }
}

static void load_bulk(int port, int size, double mebibytes) {
    long total = mebibytes * 1024 * 1024, sent = 0, came = 0;
    int epoll = epoll_create1(0), fd = connected(SOCK_STREAM, port);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
    fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    while (came < total) {
        epoll_wait(epoll, &event, 1, 1000);
        if (event.events & EPOLLIN) {
            ssize_t got = recv(fd, buffer, sizeof buffer, 0);
            if (got == 0) break;
            if (got > 0) came += got;
        }
        if (event.events & EPOLLOUT && sent < total) {
            ssize_t put = send(fd, payload, total - sent < size ? total - sent : size, MSG_NOSIGNAL);
            if (put > 0) sent += put;
            if (sent == total) {
                struct epoll_event reading = {.events = EPOLLIN};
                shutdown(fd, SHUT_WR);
                epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &reading);
            }
        }
    }
    echoes = came;
    lost = total - came;
}

static void load_many(int port, int connections, int size, double seconds) {
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0);
    int *fds = calloc(connections, sizeof *fds), *left = calloc(connections, sizeof *left);
    double *sent = calloc(connections, sizeof *sent);
    for (int i = 0; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        fds[i] = connected(SOCK_STREAM, port);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
    }
    double start = now(), each = 1.0 / connections, end = start + seconds;
    for (long due = 0;;) {
        double at = now();
        for (; at < end && start + due * each <= at; due++) {
            int i = due % connections;
            if (left[i]) lost++;
            left[i] = size;
            sent[i] = at;
            send(fds[i], payload, size, MSG_NOSIGNAL);
        }
        if (at >= end + 1) break;
        int ready = epoll_wait(epoll, events, EVENTS, 1);
        at = now();
        for (int e = 0; e < ready; e++) {
            int i = events[e].data.u32;
            ssize_t got = recv(fds[i], buffer, sizeof buffer, 0);
            if (got <= 0) {
                epoll_ctl(epoll, EPOLL_CTL_DEL, fds[i], NULL);
                continue;
            }
            if (left[i] && (left[i] -= got) <= 0) {
                count(sent[i], at);
                left[i] = 0;
            }
        }
    }
    for (int i = 0; i < connections; i++) lost += left[i] > 0;
}

static void load_stuck(int port, int connections, int size, double seconds) {
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), good = connected(SOCK_STREAM, port), left = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = good};
    epoll_ctl(epoll, EPOLL_CTL_ADD, good, &event);
    for (int i = 1; i < connections; i++) {
        struct epoll_event event = {.events = EPOLLOUT, .data.fd = connected(SOCK_STREAM, port)};
        fcntl(event.data.fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
    }
    double end = now() + seconds, sent = 0;
    for (double at = now(); at < end; at = now()) {
        if (!left && at - sent >= 0.001) {
            left = size;
            sent = at;
            send(good, payload, size, 0);
        }
        int ready = epoll_wait(epoll, events, EVENTS, 1);
        for (int e = 0; e < ready; e++) {
            int fd = events[e].data.fd;
            if (fd != good) {
                send(fd, payload, sizeof payload, MSG_NOSIGNAL);
                continue;
            }
            ssize_t got = recv(fd, buffer, sizeof buffer, 0);
            if (got > 0 && (left -= got) <= 0) count(sent, now());
        }
    }
    lost += left > 0;
}

int main(int words, char **word) {
    int waits = words == 7 && !strcmp(word[6], "-w");
    if (words != 6 && !waits) {
        fprintf(stderr, "c_echo_load tcp|udp|udpcount|bulk|many|stuck PORT PARALLEL SIZE SECONDS|NUMBER|MEBIBYTES [-w]\n");
        return 2;
    }
    int port = atoi(word[2]), parallel = atoi(word[3]), size = atoi(word[4]);
    double start = now(), much = atof(word[5]);
    memset(payload, 'x', sizeof payload);
    if (!strcmp(word[1], "tcp")) load_tcp(port, parallel, size, much);
    else if (!strcmp(word[1], "udp")) load_udp(port, parallel, size, much, 1L << 62);
    else if (!strcmp(word[1], "udpcount")) load_udp(port, parallel, size, 3600, atol(word[5]));
    else if (!strcmp(word[1], "bulk")) load_bulk(port, size, much);
    else if (!strcmp(word[1], "many")) load_many(port, parallel, size, much);
    else if (!strcmp(word[1], "stuck")) load_stuck(port, parallel, size, much);
    double took = now() - start;
    printf("{\"echoes\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, \"lost\": %ld, \"p50_us\": %d, \"p99_us\": %d}\n",
           echoes, took, echoes / took, lost, percentile(0.5), percentile(0.99));
    fflush(stdout);
    if (waits) (void)!fgets(buffer, sizeof buffer, stdin);
    return 0;
}
