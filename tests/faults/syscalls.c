/* Faults at the boundary between a program and the system, for programs that are started with LD_PRELOAD.

   Every change below one folder counts as a step: a file that is created, written, made durable, renamed, linked or
   removed, and a folder that is made or removed. At a step the process is killed or stopped just before it happens
   (a write has been half done by then), or from a step on some kinds of steps fail, or at a step one reports an error
   though it has happened. The clock of the day, and the name of the host, can be others as well, and signals that end
   processes can go nowhere. Nothing happens unless it is asked for. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, FSYNC = 4, RENAME = 8, LINK = 16, UNLINK = 32, MKDIR = 64, RMDIR = 128 };
enum { LIES = 256 }; /* beside kinds: the step is done, and its error is a lie */
static const char *NAMES[] = {"open", "write", "fsync", "rename", "link", "unlink", "mkdir", "rmdir"};

static char root[4096];
static pid_t armed;      /* only this process, and not what it starts */
static atomic_long done; /* steps so far */
static atomic_long such; /* those of them that are of the kinds */
static long at;          /* the step at which something happens; 0 for never */
static int number;       /* a signal, or an error when negative */
static int kinds;        /* of steps that fail, or are counted for a signal */
static int trace = -1;
static const double *clock_offset; /* seconds, shared with who started us */

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Begin to count the steps of this process below a folder. */
void fault_arm(const char *folder, long step, int what, int which, const char *trace_file)
{
    snprintf(root, sizeof root, "%s/", folder);
    at = step;
    number = what;
    kinds = which;
    atomic_store(&done, 0);
    atomic_store(&such, 0);
    trace = *trace_file ? (int)syscall(SYS_openat, AT_FDCWD, trace_file, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    armed = getpid();
}

__attribute__((constructor)) static void started(void)
{
    const char *folder = getenv("FAULT_FOLDER"), *clock = getenv("FAULT_CLOCK");
    if (folder) {
        fault_arm(folder, atol(getenv("FAULT_STEP")), atoi(getenv("FAULT_NUMBER")), atoi(getenv("FAULT_KINDS")),
                  getenv("FAULT_TRACE"));
        unsetenv("FAULT_FOLDER");
    }
    if (clock) {
        int file = (int)syscall(SYS_openat, AT_FDCWD, clock, O_RDONLY);
        void *page = mmap(NULL, sizeof(double), PROT_READ, MAP_SHARED, file, 0);
        if (page != MAP_FAILED)
            clock_offset = page;
    }
}

static int below(const char *path)
{
    char whole[8192];
    if (armed == 0 || armed != getpid())
        return 0;
    if (path[0] != '/') {
        char here[4096];
        if (!getcwd(here, sizeof here))
            return 0;
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    return strncmp(path, root, strlen(root)) == 0;
}

static int named(int folder, const char *path, char *whole, size_t size)
{
    char link[64];
    if (path[0] == '/' || folder == AT_FDCWD) {
        snprintf(whole, size, "%s", path);
        return 1;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, whole, size - 1);
    if (length < 0)
        return 0;
    snprintf(whole + length, size - (size_t)length, "/%s", path);
    return 1;
}

static int opened(int file, char *path, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = armed == getpid() ? readlink(link, path, size - 1) : -1;
    if (length <= 0)
        return 0;
    path[length] = 0;
    size_t whole = strlen(root) - 1;
    return strncmp(path, root, whole) == 0 && (path[whole] == 0 || path[whole] == '/');
}

/* Whether this is the step at which the process ends; a write is torn before that. */
static long counted(int kind, const char *path)
{
    long step = atomic_fetch_add(&done, 1) + 1;
    if (trace >= 0) {
        char line[8192];
        int length = snprintf(line, sizeof line, "%ld %s %s\n", step, NAMES[__builtin_ctz(kind)], path);
        syscall(SYS_write, trace, line, length);
    }
    return step;
}

/* Do what is due before a step; the error that it fails with, or 0. */
static int step(int kind, const char *path, int file, const void *data, size_t size)
{
    long now = counted(kind, path);
    long alike = kind & kinds ? atomic_fetch_add(&such, 1) + 1 : 0;
    if (at == 0 || now < at)
        return 0;
    if (number > 0 && alike == at) {
        if (kind == WRITE && number == SIGKILL)
            syscall(SYS_write, file, data, size / 2);
        syscall(SYS_kill, getpid(), number);
    }
    if (number >= 0 || !(kind & kinds) || ((kinds & LIES) && now != at))
        return 0;
    return -number;
}

#define STEP(kind, path, do_it)                                                                                       \
    do {                                                                                                              \
        int failed = step(kind, path, -1, NULL, 0);                                                                   \
        if (!failed)                                                                                                  \
            break;                                                                                                    \
        if ((kinds & LIES) && do_it < 0)                                                                              \
            return -1;                                                                                                \
        errno = failed;                                                                                               \
        return -1;                                                                                                    \
    } while (0)

#define OPENING(name)                                                                                                 \
    int name(const char *path, int flags, ...)                                                                        \
    {                                                                                                                 \
        va_list more;                                                                                                 \
        va_start(more, flags);                                                                                        \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                                        \
        va_end(more);                                                                                                 \
        if ((flags & O_CREAT) && below(path))                                                                         \
            STEP(OPEN, path, close(REAL(name)(path, flags, mode)));                                                   \
        return REAL(name)(path, flags, mode);                                                                         \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                                                                              \
    int name(int folder, const char *path, int flags, ...)                                                            \
    {                                                                                                                 \
        char whole[8192];                                                                                             \
        va_list more;                                                                                                 \
        va_start(more, flags);                                                                                        \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                                        \
        va_end(more);                                                                                                 \
        if ((flags & O_CREAT) && named(folder, path, whole, sizeof whole) && below(whole))                            \
            STEP(OPEN, whole, close(REAL(name)(folder, path, flags, mode)));                                          \
        return REAL(name)(folder, path, flags, mode);                                                                 \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

ssize_t write(int file, const void *data, size_t size)
{
    char path[4096];
    if (opened(file, path, sizeof path)) {
        int failed = step(WRITE, path, file, data, size);
        if (failed) {
            errno = failed;
            return -1;
        }
    }
    return REAL(write)(file, data, size);
}

#define DURABLE(name)                                                                                                 \
    int name(int file)                                                                                                \
    {                                                                                                                 \
        char path[4096];                                                                                              \
        if (opened(file, path, sizeof path))                                                                          \
            STEP(FSYNC, path, REAL(name)(file));                                                                      \
        return REAL(name)(file);                                                                                      \
    }
DURABLE(fsync)
DURABLE(fdatasync)

int rename(const char *from, const char *to)
{
    if (below(to) || below(from))
        STEP(RENAME, to, REAL(rename)(from, to));
    return REAL(rename)(from, to);
}

int link(const char *from, const char *to)
{
    if (below(to))
        STEP(LINK, to, REAL(link)(from, to));
    return REAL(link)(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    char whole[8192];
    if (named(to_folder, to, whole, sizeof whole) && below(whole))
        STEP(LINK, whole, REAL(linkat)(from_folder, from, to_folder, to, flags));
    return REAL(linkat)(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path)
{
    if (below(path))
        STEP(UNLINK, path, REAL(unlink)(path));
    return REAL(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags)
{
    char whole[8192];
    if (named(folder, path, whole, sizeof whole) && below(whole))
        STEP(flags & AT_REMOVEDIR ? RMDIR : UNLINK, whole, REAL(unlinkat)(folder, path, flags));
    return REAL(unlinkat)(folder, path, flags);
}

int rmdir(const char *path)
{
    if (below(path))
        STEP(RMDIR, path, REAL(rmdir)(path));
    return REAL(rmdir)(path);
}

int mkdir(const char *path, mode_t mode)
{
    if (below(path))
        STEP(MKDIR, path, REAL(mkdir)(path, mode));
    return REAL(mkdir)(path, mode);
}

/* A lock that a network file system would have to honour ends the process: there must be none below the folder. */
int flock(int file, int operation)
{
    char path[4096];
    if (opened(file, path, sizeof path))
        abort();
    return REAL(flock)(file, operation);
}

static int locks(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

#define CONTROL(name)                                                                                                 \
    int name(int file, int command, ...)                                                                              \
    {                                                                                                                 \
        char path[4096];                                                                                              \
        va_list more;                                                                                                 \
        va_start(more, command);                                                                                      \
        void *argument = va_arg(more, void *);                                                                        \
        va_end(more);                                                                                                 \
        if (locks(command) && opened(file, path, sizeof path))                                                        \
            abort();                                                                                                  \
        return REAL(name)(file, command, argument);                                                                   \
    }
CONTROL(fcntl)
CONTROL(fcntl64)

/* The clock of the day only: the one that limits are measured with is not moved by anybody. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = REAL(clock_gettime)(clock, now);
    if (!failed && clock_offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += (time_t)*clock_offset;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int failed = REAL(gettimeofday)(now, zone);
    if (!failed && clock_offset)
        now->tv_sec += (time_t)*clock_offset;
    return failed;
}

time_t time(time_t *where)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}

/* Processes that hang in the kernel end by no signal: those that this process would end do not hear of it. */
static int unheard(int sent)
{
    return (sent == SIGKILL || sent == SIGTERM) && getenv("FAULT_UNHEARD");
}

int kill(pid_t process, int sent)
{
    return unheard(sent) ? 0 : REAL(kill)(process, sent);
}

int killpg(pid_t group, int sent)
{
    return unheard(sent) ? 0 : REAL(killpg)(group, sent);
}

int gethostname(char *name, size_t size)
{
    const char *other = getenv("FAULT_HOST");
    if (!other)
        return REAL(gethostname)(name, size);
    snprintf(name, size, "%s", other);
    return 0;
}
