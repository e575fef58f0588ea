/* One volume's life with the durable steps of the driver and nothing else: each fsync, rename,
 * record and link that it makes, and mkfs as a program of its own. See durable-steps.txt.
 *
 * Arguments: folder, size in bytes. Reads names, one on a line; answers "done". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/mount.h and linux/loop.h, which older headers lack or which clash with sys/mount.h. */
#define OPEN_TREE 428
#define MOVE_MOUNT 429
#define FSOPEN 430
#define FSCONFIG 431
#define FSMOUNT 432
#define MOUNT_SETATTR 442
#define SET_STRING 1
#define CMD_CREATE 6
#define ATTR_NOSUID_NODEV 6
#define FROM_EMPTY_PATH 4
#define TREE_CLONE 1
#define CONFIGURE 0x4C0A

#define PATH_BYTES 4096

struct mount_attributes { __u64 set, clear, propagation, userns; };
struct loop_settings { __u32 fd, block_size; struct loop_info64 info; __u64 reserved[8]; };

static const char record[] =
    "{\"version\":1,\"compatible\":[],\"incompatible\":[],\"name\":\"life\",\"capacityBytes\":"
    "1073741824,\"blockSizeBytes\":512,\"provisioning\":\"thick\",\"fileSystem\":\"ext4\"}\n";

extern char **environ;
static char pool[PATH_BYTES];
static char staging[PATH_BYTES], target[PATH_BYTES];
static long long size_bytes;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static long check(long result, const char *what)
{
    if (result < 0)
        fail(what);
    return result;
}

static char *path(char *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, PATH_BYTES, format, arguments);
    va_end(arguments);
    return buffer;
}

static void sync_path(const char *name)
{
    int fd = check(open(name, O_RDONLY | O_CLOEXEC), name);
    check(fsync(fd), "fsync");
    close(fd);
}

static int make_file(const char *name)
{
    return check(open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), name);
}

static int make_record(const char *name)
{
    int fd = make_file(name);
    check(write(fd, record, sizeof record - 1), "write");
    return fd;
}

/* The ledger, or any record: aside, synced, renamed, and the folder synced. */
static void replace_record(const char *folder, const char *name)
{
    char aside[PATH_BYTES], real[PATH_BYTES];
    int fd = make_record(path(aside, "%s/.tmp", folder));
    check(fsync(fd), "fsync");
    close(fd);
    check(rename(aside, path(real, "%s/%s", folder, name)), "rename");
    sync_path(folder);
}

static void create(const char *volume)
{
    char at[PATH_BYTES], name[PATH_BYTES], real[PATH_BYTES];
    path(at, "%s/.incoming/%s", pool, volume);
    check(mkdir(at, 0700), at);
    check(mkdir(path(name, "%s/holders", at), 0700), name);
    int holders = check(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), name);
    int image = make_file(path(name, "%s/image", at));
    check(fallocate(image, 0, 0, size_bytes), "fallocate");
    int facts = make_record(path(name, "%s/volume.json", at));
    int ledger = make_record(path(name, "%s/format", at));
    check(fsync(image), "fsync image");
    check(fsync(facts), "fsync record");
    check(fsync(ledger), "fsync ledger");
    check(fsync(holders), "fsync holders");
    close(image);
    close(facts);
    close(ledger);
    close(holders);
    sync_path(at);
    path(real, "%s/volumes/%s", pool, volume);
    check(syscall(SYS_renameat2, AT_FDCWD, at, AT_FDCWD, real, RENAME_NOREPLACE), "renameat2");
    sync_path(path(name, "%s/volumes", pool));
}

static void attach(const char *volume)
{
    char holders[PATH_BYTES], aside[PATH_BYTES], name[PATH_BYTES];
    path(holders, "%s/volumes/%s/holders", pool, volume);
    int fd = make_record(path(aside, "%s/.tmp", holders));
    check(fsync(fd), "fsync hold");
    close(fd);
    check(link(aside, path(name, "%s/.lead", holders)), "link");
    check(link(aside, path(name, "%s/node", holders)), "link");
    check(unlink(aside), "unlink");
    sync_path(holders);
}

static void bind_loop(const char *image, char *device)
{
    int control = check(open("/dev/loop-control", O_RDWR | O_CLOEXEC), "/dev/loop-control");
    int backing = check(open(image, O_RDWR | O_CLOEXEC), image);
    for (;;) {
        int number = check(ioctl(control, LOOP_CTL_GET_FREE), "LOOP_CTL_GET_FREE");
        path(device, "/dev/loop%d", number);
        int loop = check(open(device, O_RDWR | O_CLOEXEC), device);
        struct loop_settings settings = { .fd = backing, .block_size = 512 };
        settings.info.lo_flags = LO_FLAGS_DIRECT_IO;
        snprintf((char *)settings.info.lo_file_name, LO_NAME_SIZE, "stowage-bench-program");
        int result = ioctl(loop, CONFIGURE, &settings);
        close(loop);
        if (result == 0)
            break;
        if (errno != EBUSY) /* another took it */
            fail("LOOP_CONFIGURE");
    }
    close(backing);
    close(control);
}

static void make_file_system(char *device)
{
    char *argv[] = { "mkfs.ext4", "-q", "-F", "-E", "nodiscard", device, NULL };
    pid_t child;
    int status;
    if ((errno = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ)) != 0)
        fail("mkfs.ext4");
    check(waitpid(child, &status, 0), "waitpid");
    if (status != 0) {
        errno = EIO;
        fail("mkfs.ext4");
    }
}

static void stage(const char *volume, char *device)
{
    char folder[PATH_BYTES], image[PATH_BYTES];
    path(folder, "%s/volumes/%s", pool, volume);
    path(image, "%s/image", folder);
    bind_loop(image, device);
    sync_path(device);
    replace_record(folder, "format");
    make_file_system(device);
    sync_path(device);
    sync_path(image);
    replace_record(folder, "format");
    int context = check(syscall(FSOPEN, "ext4", 1), "fsopen");
    check(syscall(FSCONFIG, context, SET_STRING, "source", device, 0), "fsconfig");
    check(syscall(FSCONFIG, context, CMD_CREATE, NULL, NULL, 0), "fsconfig create");
    int mount = check(syscall(FSMOUNT, context, 1, ATTR_NOSUID_NODEV), "fsmount");
    check(syscall(MOVE_MOUNT, mount, "", AT_FDCWD, staging, FROM_EMPTY_PATH), "move_mount");
    close(mount);
    close(context);
}

static void publish(void)
{
    struct mount_attributes attributes = { .set = ATTR_NOSUID_NODEV };
    check(mkdir(target, 0750), target);
    int tree = check(syscall(OPEN_TREE, AT_FDCWD, staging, TREE_CLONE | O_CLOEXEC), "open_tree");
    check(syscall(MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes),
          "mount_setattr");
    check(syscall(MOVE_MOUNT, tree, "", AT_FDCWD, target, FROM_EMPTY_PATH), "move_mount");
    close(tree);
}

static void unpublish_and_unstage(const char *device)
{
    check(umount2(target, UMOUNT_NOFOLLOW), "umount target");
    check(rmdir(target), target);
    check(umount2(staging, UMOUNT_NOFOLLOW), "umount staging");
    int loop = check(open(device, O_RDWR | O_CLOEXEC), device);
    check(ioctl(loop, LOOP_CLR_FD), "LOOP_CLR_FD");
    close(loop);
}

static void detach(const char *volume)
{
    char holders[PATH_BYTES], name[PATH_BYTES];
    path(holders, "%s/volumes/%s/holders", pool, volume);
    check(unlink(path(name, "%s/node", holders)), name);
    check(unlink(path(name, "%s/.lead", holders)), name);
    sync_path(holders);
}

/* As in the driver, the caller does not wait for the bytes to be freed. */
static void *erase(void *trashed)
{
    char name[PATH_BYTES];
    unlink(path(name, "%s/image", (char *)trashed));
    unlink(path(name, "%s/volume.json", (char *)trashed));
    unlink(path(name, "%s/format", (char *)trashed));
    rmdir(path(name, "%s/holders", (char *)trashed));
    check(rmdir(trashed), "rmdir");
    free(trashed);
    return NULL;
}

static void delete(const char *volume)
{
    char at[PATH_BYTES], name[PATH_BYTES];
    char *trashed = malloc(PATH_BYTES);
    pthread_t eraser;
    path(at, "%s/volumes/%s", pool, volume);
    path(trashed, "%s/.trash/%s", pool, volume);
    check(syscall(SYS_renameat2, AT_FDCWD, at, AT_FDCWD, trashed, RENAME_NOREPLACE), "renameat2");
    sync_path(path(name, "%s/.trash", pool));
    sync_path(path(name, "%s/volumes", pool));
    if ((errno = pthread_create(&eraser, NULL, erase, trashed)) != 0)
        fail("pthread_create");
    pthread_detach(eraser);
}

static void make_folder(const char *name)
{
    char at[PATH_BYTES];
    if (mkdir(path(at, "%s/%s", pool, name), 0700) < 0 && errno != EEXIST)
        fail(at);
}

int main(int count, char **arguments)
{
    char volume[256], device[PATH_BYTES];
    if (count != 3) {
        fprintf(stderr, "usage: lifecycle FOLDER BYTES\n");
        return 2;
    }
    path(pool, "%.900s", arguments[1]);
    size_bytes = atoll(arguments[2]);
    path(staging, "%s/staging", pool);
    path(target, "%s/target", pool);
    make_folder("volumes");
    make_folder(".incoming");
    make_folder(".trash");
    make_folder("staging");
    while (fgets(volume, sizeof volume, stdin)) {
        volume[strcspn(volume, "\n")] = 0;
        create(volume);
        attach(volume);
        stage(volume, device);
        publish();
        unpublish_and_unstage(device);
        detach(volume);
        delete(volume);
        puts("done");
        fflush(stdout);
    }
    return 0;
}
