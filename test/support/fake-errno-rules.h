/* What a fake-errno rule can say: the calls it can name, and how its text is read. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define MAX_RULES 64
#define NO_STRING (-1)

/* Each call with its number and the argument that is its telling string: a path, an attribute, a key. The numbers
 * written out are one on every architecture and younger than many a libc. */
static const struct call {
  const char *name;
  long number;
  int string_argument;
} calls[] = {
    {"open_tree", 428, 1},        {"move_mount", 429, 3},     {"fsopen", 430, 0},
    {"fsconfig", 431, 2},         {"fsmount", 432, NO_STRING}, {"fspick", 433, 1},
    {"clone3", 435, NO_STRING},   {"openat2", 437, 1},        {"mount_setattr", 442, 1},
    {"statmount", 457, NO_STRING}, {"listmount", 458, NO_STRING}, {"setxattrat", 463, 3},
    {"getxattrat", 464, 3},       {"listxattrat", 465, 1},    {"removexattrat", 466, 3},
    {"open_tree_attr", 467, 1},   {"pidfd_open", 434, NO_STRING}, {"close_range", 436, NO_STRING},
#define CALL(name, string) {#name, SYS_##name, string}
    CALL(mount, 2), CALL(umount2, 0), CALL(unshare, NO_STRING), CALL(setns, NO_STRING), CALL(clone, NO_STRING),
    CALL(openat, 1), CALL(statx, 1), CALL(statfs, 0), CALL(fstatfs, NO_STRING), CALL(mknodat, 1),
    CALL(mkdirat, 1), CALL(unlinkat, 1), CALL(renameat2, 1), CALL(linkat, 1), CALL(symlinkat, 2),
    CALL(readlinkat, 1), CALL(fchmod, NO_STRING), CALL(fchmodat, 1), CALL(fchown, NO_STRING), CALL(fchownat, 1),
    CALL(flock, NO_STRING), CALL(fcntl, NO_STRING), CALL(fsync, NO_STRING), CALL(syncfs, NO_STRING),
    CALL(ioctl, NO_STRING), CALL(getdents64, NO_STRING), CALL(utimensat, 1), CALL(fallocate, NO_STRING),
    CALL(copy_file_range, NO_STRING), CALL(sendfile, NO_STRING), CALL(socketpair, NO_STRING),
    CALL(pipe2, NO_STRING), CALL(setxattr, 1), CALL(lsetxattr, 1), CALL(fsetxattr, 1), CALL(getxattr, 1),
    CALL(lgetxattr, 1), CALL(fgetxattr, 1), CALL(listxattr, 0), CALL(llistxattr, 0), CALL(flistxattr, NO_STRING),
    CALL(removexattr, 1), CALL(lremovexattr, 1), CALL(fremovexattr, 1),
#ifdef SYS_mkdir /* the calls that only the older architectures have, and that their libc still uses */
    CALL(open, 0), CALL(mkdir, 0), CALL(rmdir, 0), CALL(unlink, 0), CALL(rename, 0), CALL(mknod, 0), CALL(chmod, 0),
#endif
};

static struct rule {
  const struct call *call;
  int argument; /* -1: any */
  uint32_t value;
  int bits; /* any of the value's bits is enough */
  char string[256]; /* empty: any */
  unsigned long nth; /* 0: every call */
  int and_later;
  int error;
  unsigned long seen;
} rules[MAX_RULES];
static size_t rule_count;

static int is_supervised(const struct rule *r) { return r->string[0] || r->nth; }

static void die(const char *what, const char *detail) {
  fprintf(stderr, "fake-errno: %s%s%s%s\n", what, detail ? " '" : "", detail ? detail : "", detail ? "'" : "");
  exit(125);
}

static int parse_errno(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  if (*text && !*end && number >= 0 && number < 4096) return (int)number;
  for (int e = 1; e < 200; e++) {
    const char *name = strerrorname_np(e);
    if (name && !strcmp(name, text)) return e;
  }
  if (!strcmp(text, "EOPNOTSUPP")) return EOPNOTSUPP;
  if (!strcmp(text, "ENOTSUP")) return ENOTSUP;
  die("unknown errno", text);
  return 0;
}

static void parse_rule(char *text) {
  char whole[512];
  snprintf(whole, sizeof whole, "%s", text);
  if (rule_count == MAX_RULES) die("too many rules at", whole);
  struct rule *r = &rules[rule_count++];
  r->argument = -1;
  char *error = strrchr(text, '=');
  if (!error) die("no =ERRNO in rule", whole);
  *error++ = 0;
  r->error = parse_errno(error);
  char *nth = strrchr(text, '#'), *end;
  if (nth) {
    *nth++ = 0;
    r->nth = strtoul(nth, &end, 10);
    r->and_later = *end == '+';
    if (!r->nth || end[r->and_later]) die("no call number after # in rule", whole);
  }
  size_t name_length = strcspn(text, "@:");
  char *rest = text + name_length;
  if (*rest == '@') {
    r->argument = (int)strtol(rest + 1, &end, 10);
    if (end == rest + 1 || !*end || !strchr(":&", *end) || r->argument < 0 || r->argument > 5)
      die("no @ARG:VALUE in rule", whole);
    r->bits = *end == '&';
    rest = end + 1;
    r->value = (uint32_t)strtoll(rest, &end, 0);
    if (end == rest || (*end && *end != ':')) die("no @ARG:VALUE in rule", whole);
    rest = end;
  }
  if (*rest == ':') snprintf(r->string, sizeof r->string, "%s", rest + 1);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strlen(calls[i].name) == name_length && !strncmp(calls[i].name, text, name_length)) r->call = &calls[i];
  if (!r->call) die("unknown call in rule", whole);
  if (r->string[0] && r->call->string_argument == NO_STRING) die("this call has no string argument, in rule", whole);
}
