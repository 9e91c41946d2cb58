// SPDX-License-Identifier: Apache-2.0
// In a process of its own: attaching to a container that somebody freezes meanwhile does not return before the thaw.
#include "gearscale/gears/ask_inside.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "gearscale/gears/container.hpp"
#include "gearscale/system/child.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/errors.hpp"

namespace gearscale::gears {

namespace {

constexpr std::size_t kMaxAnswer = 64;
constexpr core::Millis kSlack{500};  // so that the program is killed, not only we

// What is in the pipe now, as far as there is room for it. What is over is never read: its writer waits until it is killed.
void take(const Fd& pipe, std::string& answer) {
  char buffer[kMaxAnswer];
  const auto count = ::read(pipe.get(), buffer, kMaxAnswer - answer.size());
  if (count > 0) answer.append(buffer, static_cast<std::size_t>(count));
}

Result<std::string> ask(const Place& place, const std::vector<std::string>& argv, core::Millis patience) {
  const system::Deadline deadline(patience);
  // Between entering the gear and starting the program this process is a copy of ours: the gear's root must not trace it.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return system::fail_errno(Errc::failed, "cannot make this process untraceable", errno);
  auto container = Container::open(place.name, place.lxc_path);
  if (!container) return fail(container.error());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system::fail_errno(Errc::failed, "cannot make a pipe", errno);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const int pid = container->attach(argv, writing.get());
  writing.reset();
  const Fd ended(pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1);
  if (!ended.is_open()) return fail(Errc::failed, "cannot run a program in container " + place.name);
  std::string answer;
  bool over = false;
  while (!over && !deadline.is_over()) {
    pollfd events[] = {{ended.get(), POLLIN, 0}, {answer.size() < kMaxAnswer ? reading.get() : -1, POLLIN, 0}};
    if (::poll(events, 2, deadline.poll_timeout()) < 0 && errno != EINTR) break;
    over = (events[0].revents & POLLIN) != 0;
    if (events[1].revents != 0) take(reading, answer);
    if ((events[1].revents & POLLHUP) != 0 && !over) ::poll(events, 1, deadline.poll_timeout());  // it closed its output: only its end is awaited
  }
  ::kill(pid, SIGKILL);  // ours until it is waited for, so the number is nobody else's
  ::waitpid(pid, nullptr, WNOHANG);
  return over ? answer : std::string();
}

}  // namespace

std::string ask_inside(const Place& place, const std::vector<std::string>& argv, core::Millis patience) {
  auto answer = system::call_in_child([&] { return ask(place, argv, patience); }, patience + kSlack);
  return answer ? std::move(*answer) : std::string();
}

}  // namespace gearscale::gears
