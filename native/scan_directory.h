// Names, statx and the wanted extended attributes of the entries of one directory, in one job.
//
// A composite, since single calls from JavaScript are ten times slower: 20,400 entries took 480 to 1,030 ms by one job
// a call, and 57 to 63 ms so. One job a tree would be quicker still, but what it gives blocks the event loop.
//
// What comes out is in words of 32 bits in the byte order of the host:
//   1 when the directory is at its end | number of entries, then for each entry
//   length in bytes | errno | what failed (ScanStep) | name's length | number of attributes |
//   152 bytes of struct statx (linux/stat.h, up to the mount's id) | name, padded | for each attribute:
//   name's length | value's length | name, padded | value, padded
#pragma once

#include <string>

#include "result.h"
#include "values.h"

namespace sys {

enum ScanStep : uint32_t { scan_done, scan_statx, scan_listxattr, scan_getxattr };

// The next entries of a directory that is open for reading, without `.` and `..`, from where the descriptor stands. As
// many as there is room for, in 64-bit words; the first one takes what it needs. `prefixes` ends each with a NUL:
// attributes whose names begin with one of them are read, the empty one stands for all.
Result<std::string> scan_directory(FdArg dir, Blob prefixes, uint32_t room);

// The same for names of a directory, of which each ends with a NUL; no link is followed. The empty name is the descriptor
// itself, which may be of any kind. Ends before the next one when there is no room left.
Result<std::string> scan_entries(FdArg dir, Blob names, Blob prefixes, uint32_t room);

}  // namespace sys
