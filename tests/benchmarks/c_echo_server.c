/* A minimal echo server: what the kernel allows on one core, with nothing around it.
 *
 *   c_echo_server tcp|udp PORT      one thread, 127.0.0.1, prints "ready PORT"
 *
 * TCP: one epoll, level-triggered, recv and send, what cannot be sent is waited for. UDP: recvfrom and sendto.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, CHUNK = 65536, MOST = 65536 };

struct connection {
    size_t start, end;
    char *waiting;
};

static char buffer[CHUNK];
static struct connection connections[MOST];

static int bound(int type, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof address;
    int one = 1, fd = socket(AF_INET, type, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) {
        perror("bind");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("ready %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int epoll, int op, int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, op, fd, &event);
}

static void forget(int fd) {
    free(connections[fd].waiting);
    connections[fd].waiting = NULL;
    close(fd);
}

static void readable(int epoll, int fd) {
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) forget(fd);
        return;
    }
    ssize_t sent = send(fd, buffer, got, MSG_NOSIGNAL);
    if (sent == got) return;
    if (sent < 0) {
        if (errno != EAGAIN) {
            forget(fd);
            return;
        }
        sent = 0;
    }
    struct connection *c = &connections[fd];
    c->waiting = malloc(got - sent);
    memcpy(c->waiting, buffer + sent, got - sent);
    c->start = 0;
    c->end = got - sent;
    watch(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void writable(int epoll, int fd) {
    struct connection *c = &connections[fd];
    ssize_t sent = send(fd, c->waiting + c->start, c->end - c->start, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) forget(fd);
        return;
    }
    c->start += sent;
    if (c->start < c->end) return;
    free(c->waiting);
    c->waiting = NULL;
    watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
}

static void serve_tcp(int port) {
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), listener = bound(SOCK_STREAM, port), one = 1;
    listen(listener, 1024);
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (client < 0 || client >= MOST) continue;
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                watch(epoll, EPOLL_CTL_ADD, client, EPOLLIN);
            } else if (connections[fd].waiting) {
                writable(epoll, fd);
            } else {
                readable(epoll, fd);
            }
        }
    }
}

static void serve_udp(int port) {
    struct sockaddr_storage peer;
    int fd = bound(SOCK_DGRAM, port);
    for (;;) {
        socklen_t length = sizeof peer;
        ssize_t got = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &length);
        if (got >= 0) sendto(fd, buffer, got, 0, (struct sockaddr *)&peer, length);
    }
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "tcp")) serve_tcp(atoi(words[2]));
    if (count == 3 && !strcmp(words[1], "udp")) serve_udp(atoi(words[2]));
    fprintf(stderr, "c_echo_server tcp|udp PORT\n");
    return 2;
}
