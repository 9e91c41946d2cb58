// SPDX-License-Identifier: Apache-2.0
// hold_lock FILE: takes the fcntl(2) lock that the tools take, says "held", and keeps it until it is ended. A shell has no such lock (flock(1) takes
// another kind).
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int file = ::open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (file < 0 || ::fcntl(file, F_SETLK, &whole) != 0) {
    std::perror(argv[1]);
    return 1;
  }
  std::puts("held");
  std::fflush(stdout);
  for (;;) ::pause();
}
