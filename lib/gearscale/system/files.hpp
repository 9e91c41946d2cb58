// SPDX-License-Identifier: Apache-2.0
// Files read whole and replaced whole, and directories. Knows nothing of what is in them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gearscale/base/fd.hpp"
#include "gearscale/base/result.hpp"

namespace gearscale::system {

// Opens a regular file, close-on-exec; never blocks on a FIFO and never becomes anybody's terminal. With O_CREAT, one that is missing is made
// with exactly this mode, and never where a link leads.
// Errc::failed with the errno: missing (ENOENT), a symbolic link though O_NOFOLLOW was asked for (ELOOP), a directory (EISDIR), not a
// regular file (EINVAL).
struct OpenOptions {
  int flags = 0;  // O_RDONLY, O_RDWR|O_CREAT, ...
  mode_t mode = 0;
};
Result<Fd> open_regular(const std::string& path, OpenOptions options);

// The whole regular file; symbolic links are followed, because users may keep their configuration anywhere.
// Errors as open_regular, and Errc::failed with EFBIG when it is longer than `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);
// The same from a descriptor, from its present position; `path` is for the message.
Result<std::string> read_all(const Fd& file, std::size_t max_bytes, const std::string& path);

// Writes everything, however the kernel cuts it (short writes, signals). 0, or the errno.
int write_all(int fd, std::string_view content);

struct ReplaceOptions {
  mode_t mode_if_new = 0640;  // whatever the umask says
  // Looks at the complete new file under its temporary name; its error stops the replacement. Empty: none.
  std::function<Result<void>(const std::string& temp_path)> validate = nullptr;
};

// Makes `path` hold `content`, wholly or not at all, also over a power cut: temp file beside it, fsync, rename, fsync of the directory.
// An existing file keeps its owner and mode, and a symbolic link of root's or ours stays and its target is replaced; one of somebody else's is
// refused (Errc::config). Blocks for the disk and for `validate`.
// On an error the temp file is gone and the old file is as it was: Errc::failed with the errno (ENOSPC: "no space left on device"), or
// validate's error. The one exception is said in the message: the new file is in place, but the directory could not be brought to the disk.
Result<void> replace_file(const std::string& path, std::string_view content, const ReplaceOptions& options = {});

// Is this the name of a temp file of replace_file?
bool is_temp_name(std::string_view name);
// Removes those that a crash left in `directory`: of processes that have ended, or older than a minute. How many; Errc::failed when it cannot be
// read.
Result<int> remove_stale_temps(const std::string& directory);

// Makes `path` a directory with exactly this mode, its missing parents with 0755. One that is there is left as it is.
// Errc::failed: not permitted, or something else has that name.
Result<void> make_directory(const std::string& path, mode_t mode);

// The names in a directory, in no order, without "." and "..". Errc::failed with the errno.
Result<std::vector<std::string>> list_directory(const std::string& path);

std::string directory_of(const std::string& path);  // "." when there is none
std::string name_of(const std::string& path);

}  // namespace gearscale::system
