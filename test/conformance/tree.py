# Makes a directory with something of everything that tar archives hold; the argument is its path.
import os, sys

root = sys.argv[1]
os.umask(0)
os.chdir(root)
raw = lambda text: text.encode('latin1')


def file(name, content=b'', mode=0o644, mtime=1_700_000_000 * 10**9):
    with open(name, 'wb') as out:
        out.write(content)
    os.chmod(name, mode)
    os.utime(name, ns=(mtime, mtime))


os.mkdir('d', 0o1777)
file('d/plain', b'content')
file('d/set-id', b'x' * 512, 0o4755)
file('d/empty')
file('before-1970', mtime=-1_500_000_000)
file('fraction', mtime=1_700_000_000_123_456_789)
file(raw('caf\xe9 \n\\'), b'latin1')
long = 'l' * 120
os.makedirs(f'{long}/{long}/{long}')
file(f'{long}/{long}/{long}/file', b'deep')
file('n' * 255, b'wide')
os.link('d/plain', 'hard')
os.symlink('d/plain', 'soft')
os.symlink('t' * 300, 'far')
os.mkfifo('fifo', 0o600)
file('attributes')
os.setxattr('attributes', 'user.binary', b'\0\xff=\n')
os.setxattr('attributes', 'user.empty', b'')
os.setxattr('attributes', 'user.a=b%3D', b'v')
with open('sparse', 'wb') as out:
    out.truncate(1 << 20)
    for at in range(0, 1 << 20, 1 << 16):
        out.seek(at)
        out.write(b'data' * 1024)
    out.truncate(3 << 20)
if os.geteuid() == 0:
    os.mknod('device', 0o20600, os.makedev(1, 3))
    os.setxattr('attributes', 'security.capability', bytes.fromhex('0100000200200000000000000000000000000000'))
    os.chown('d/empty', 4_000_000_000, 3_000_000)
# Times of equal length everywhere: Python tells them as floating-point numbers.
second = 1_700_000_000 * 10**9
for at, names, files in os.walk('.', topdown=False):
    for name in names + files:
        if name not in ('before-1970', 'fraction'):
            os.utime(os.path.join(at, name), ns=(second, second), follow_symlinks=False)
