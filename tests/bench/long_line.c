/* A long line between two network namespaces, through a TUN device in each: a delay, losses, a rate and a bounded queue.
 *   long_line SPACE_A SPACE_B DELAY_MS LOSS_PERCENT MBIT
 * The device in each namespace is called `line`. It prints `ready` and runs until it is killed; only root can run it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 1500, PLACES = 1 << 14, QUEUE_BYTES = 4 << 20 };
typedef struct { uint64_t arrives; int size; char bytes[PACKET]; } Packet;

/* One direction. Times are in nanoseconds; packets between `first` and `next` are on their way. */
typedef struct {
  int from, to;
  uint64_t delay, free_at;
  double loss, per_byte;
  uint32_t first, next;
  unsigned seed;
  Packet *packets;
} Way;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int device_in(const char *space) {
  char path[128];
  snprintf(path, sizeof path, "/var/run/netns/%s", space);
  int fd = open(path, O_RDONLY);
  if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) { perror(path); exit(1); }
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_name = "line", .ifr_flags = IFF_TUN | IFF_NO_PI};
  if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0) { perror("/dev/net/tun"); exit(1); }
  return device;
}

/* Takes what has been sent. A packet that is lost, or that finds the queue full, is forgotten. */
static void take(Way *way) {
  for (;;) {
    Packet *packet = &way->packets[way->next % PLACES];
    if ((packet->size = read(way->from, packet->bytes, PACKET)) <= 0) return;
    if (rand_r(&way->seed) < way->loss * RAND_MAX) continue;
    uint64_t time = now(), starts = way->free_at > time ? way->free_at : time;
    if (starts - time > QUEUE_BYTES * way->per_byte || way->next - way->first >= PLACES - 1) continue;
    way->free_at = starts + (uint64_t)(packet->size * way->per_byte);
    packet->arrives = way->free_at + way->delay;
    way->next++;
  }
}

/* Gives what has arrived, and says how long it is until the next does: at most a second. */
static uint64_t give(Way *way) {
  for (; way->first != way->next; way->first++) {
    Packet *packet = &way->packets[way->first % PLACES];
    uint64_t time = now();
    if (packet->arrives > time) return packet->arrives - time;
    if (write(way->to, packet->bytes, packet->size) < 0) continue; /* nobody is there yet */
  }
  return 1000000000;
}

static void *carry(void *argument) {
  Way *way = argument;
  struct pollfd readable = {.fd = way->from, .events = POLLIN};
  for (;;) {
    uint64_t wait = give(way);
    struct timespec time = {wait / 1000000000, wait % 1000000000};
    if (ppoll(&readable, 1, &time, NULL) > 0) take(way);
  }
  return NULL;
}

int main(int count, char **words) {
  if (count != 6) { fputs("long_line SPACE_A SPACE_B DELAY_MS LOSS_PERCENT MBIT\n", stderr); return 2; }
  int a = device_in(words[1]), b = device_in(words[2]);
  Way ways[2] = {{.from = a, .to = b, .seed = 7}, {.from = b, .to = a, .seed = 11}};
  pthread_t threads[2];
  for (int each = 0; each < 2; each++) {
    ways[each].delay = atof(words[3]) * 1e6;
    ways[each].loss = atof(words[4]) / 100;
    ways[each].per_byte = 8000 / atof(words[5]);
    ways[each].packets = calloc(PLACES, sizeof(Packet));
    pthread_create(&threads[each], NULL, carry, &ways[each]);
  }
  puts("ready");
  fflush(stdout);
  pause();
  return 0;
}
