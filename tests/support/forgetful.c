/* A disk that forgets what was not fsynced, for LD_PRELOAD.
 *
 * A process works in the folder $FORGETFUL_ROOT as usual. What a disk would still have after a power cut is kept in
 * $FORGETFUL_DISK: the content of a file as of its last fsync or fdatasync (`data/<inode>`), and the names in a folder
 * as of the folder's last fsync (`names`, lines of `<inode> <name>`): POSIX promises no more. Nothing else that was
 * written is there: not by write, not by rename, not by unlink. Files that are unlinked keep their inode by a second
 * link (`grave/<inode>`), so that no number is used twice. One folder deep, which is all that a database needs.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

static int below_root(const char *path)
{
    const char *root = getenv("FORGETFUL_ROOT");
    size_t n = root ? strlen(root) : 0;
    return n && strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static void on_disk(char *into, const char *kind, unsigned long inode, const char *suffix)
{
    snprintf(into, PATH, "%s/%s/%lu%s", getenv("FORGETFUL_DISK"), kind, inode, suffix);
}

static void keep_file(int fd, unsigned long inode)
{
    char fresh[PATH], path[PATH], block[65536];
    on_disk(fresh, "data", inode, ".new");
    on_disk(path, "data", inode, "");
    int to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (to < 0)
        abort();
    ssize_t n;
    for (off_t at = 0; (n = pread(fd, block, sizeof block, at)) > 0; at += n)
        if (write(to, block, (size_t)n) != n)
            abort();
    close(to);
    int (*plain)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    if (n < 0 || plain(fresh, path) != 0)
        abort();
}

static void keep_names(const char *folder)
{
    char fresh[PATH], path[PATH];
    snprintf(fresh, PATH, "%s/names.new", getenv("FORGETFUL_DISK"));
    snprintf(path, PATH, "%s/names", getenv("FORGETFUL_DISK"));
    FILE *to = fopen(fresh, "w");
    DIR *names = opendir(folder);
    if (!to || !names)
        abort();
    for (struct dirent *each; (each = readdir(names));)
        if (each->d_type == DT_REG)
            fprintf(to, "%lu %s\n", (unsigned long)each->d_ino, each->d_name);
    closedir(names);
    fclose(to);
    int (*plain)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    if (plain(fresh, path) != 0)
        abort();
}

static int keep(int fd)
{
    char link[64], path[PATH];
    struct stat what;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH - 1);
    if (n < 0 || fstat(fd, &what) != 0)
        return 0;
    path[n] = '\0';
    if (!below_root(path))
        return 0;
    if (S_ISDIR(what.st_mode))
        keep_names(path);
    else if (S_ISREG(what.st_mode)) {
        char again[PATH];  /* SQLite may hold it for writing only */
        snprintf(again, PATH, "/proc/self/fd/%d", fd);
        int from = open(again, O_RDONLY);
        if (from < 0)
            abort();
        keep_file(from, (unsigned long)what.st_ino);
        close(from);
    }
    return 0;
}

int fsync(int fd) { return keep(fd); }

int fdatasync(int fd) { return keep(fd); }

static void bury(const char *path)
{
    struct stat what;
    char grave[PATH];
    if (!below_root(path) || lstat(path, &what) != 0 || !S_ISREG(what.st_mode))
        return;
    on_disk(grave, "grave", (unsigned long)what.st_ino, "");
    if (access(grave, F_OK) != 0 && link(path, grave) != 0)
        abort();
}

int unlink(const char *path)
{
    bury(path);
    return ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(path);
}

int rename(const char *from, const char *to)
{
    bury(to);
    return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
}
