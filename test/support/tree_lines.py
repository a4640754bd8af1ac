# Prints all that can be seen of a tree, a line an entry, by other means than ours: `tree_lines.py ROOT`.
import hashlib, json, os, stat, sys

root = os.fsencode(sys.argv[1])
# The names of each inode that are in the tree: an overlay counts those that it hides too.
names_of = {}
lines = []


def look(path, name):
    found = os.lstat(path)
    mode = found.st_mode
    words = [json.dumps(name.decode('latin1')), f'{mode:o}', f'{found.st_uid}:{found.st_gid}', str(found.st_mtime_ns)]
    if stat.S_ISLNK(mode):
        words.append('-> ' + json.dumps(os.readlink(path).decode('latin1')))
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        words.append(f'device {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}')
    if stat.S_ISREG(mode):
        with open(path, 'rb') as file:
            words.append(f"{found.st_size} {hashlib.sha256(file.read()).hexdigest()[:32]}")
    for key in sorted(os.listxattr(path, follow_symlinks=False)):
        words.append(f'{key}={os.getxattr(path, key, follow_symlinks=False).hex()}')
    names = []
    if not stat.S_ISDIR(mode):
        names = names_of.setdefault((found.st_dev, found.st_ino), [])
        names.append(name.decode('latin1'))
    lines.append((words, names))
    return stat.S_ISDIR(mode)


def visit(path, name):
    if look(path, name):
        for child in sorted(os.listdir(path)):
            visit(path + b'/' + child, child if name == b'.' else name + b'/' + child)


sys.setrecursionlimit(10_000)
visit(root, b'.')
for words, names in lines:
    print(' '.join(words + ([f'one of {json.dumps(names)}'] if len(names) > 1 else [])))
