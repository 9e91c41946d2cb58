// SPDX-License-Identifier: Apache-2.0
// The template is made by hand: a static busybox, an inittab with httpd, owners shifted into the range of the gear.
#include "gears_ground.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <lxc/lxccontainer.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "gearscale/base/text.hpp"
#include "gearscale/gears/cgroups.hpp"
#include "gearscale/gears/gear_config.hpp"
#include "gearscale/gears/idmap.hpp"
#include "gearscale/gears/leftovers.hpp"
#include "gearscale/system/deadline.hpp"
#include "gearscale/system/subprocess.hpp"
#include "support/catch.hpp"

namespace gearscale::test {

namespace {

namespace files = std::filesystem;

constexpr int kFirstSubnet = 7;
constexpr int kSubnets = 40;

// newuidmap insists on a reserved range. Where there is none, this process sees files of its own in place of /etc/subuid and /etc/subgid.
void reserve_ids(const gears::IdMap& map, const std::string& directory) {
  if (gears::check_reserved(map)) return;
  REQUIRE(::unshare(CLONE_NEWNS) == 0);
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  const auto file = directory + "/subid";
  write(file, "root:" + std::to_string(map.base) + ":" + std::to_string(map.count) + "\n");
  for (const auto* target : {"/etc/subuid", "/etc/subgid"}) REQUIRE(::mount(file.c_str(), target, nullptr, MS_BIND, nullptr) == 0);
}

void shift_owners(const std::string& root, const gears::IdMap& map) {
  REQUIRE(::lchown(root.c_str(), map.base, map.base) == 0);
  for (const auto& entry : files::recursive_directory_iterator(root)) REQUIRE(::lchown(entry.path().c_str(), map.base, map.base) == 0);
}

}  // namespace

void make_busybox_rootfs(const std::string& root) {
  for (const auto* directory : {"bin", "dev", "etc/init.d", "proc", "sys", "tmp", "var/www", "var/data/old", "home/app", "sbin", "root"}) {
    files::create_directories(root + "/" + directory);
  }
  files::copy_file("/bin/busybox", root + "/bin/busybox");
  for (const auto* program :
       {"sh", "httpd", "mount", "hostname", "ls", "cat", "rm", "mkdir", "mv", "touch", "true", "sleep", "rmdir", "echo", "test"}) {
    files::create_symlink("busybox", root + "/bin/" + program);
  }
  files::create_symlink("/bin/busybox", root + "/sbin/init");
  write(root + "/etc/inittab", "::sysinit:/bin/mount -a\n::respawn:/bin/httpd -f -p 8080 -h /var/www\n::shutdown:/bin/true\n");
  write(root + "/etc/fstab", "");
  write(root + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  write(root + "/etc/hostname", "tmpl\n");
  write(root + "/var/www/index.html", "hello from the template\n");
  write(root + "/var/data/old/file", "old\n");
}

namespace {

void destroy_container(const std::string& lxc_path, const std::string& name) {
  auto* container = ::lxc_container_new(name.c_str(), lxc_path.c_str());
  if (container == nullptr) return;
  if (std::string(container->state(container)) == "FROZEN") container->unfreeze(container);
  if (container->is_running(container)) container->stop(container);
  container->wait(container, "STOPPED", 10);
  container->destroy(container);
  ::lxc_container_put(container);
}

}  // namespace

Ground::Ground(const GroundOptions& wanted) {
  std::string path = "/var/lib/gst-gears-XXXXXX";
  REQUIRE(::mkdtemp(path.data()) != nullptr);
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  lxc_path_ = options.lxc_path = path;
  options.application = {.app = "gst-gears", .ns = path.substr(path.size() - 6), .uuid = "5f00"};
  template_name_ = options.template_name = wanted.template_name;
  options.idmap = wanted.idmap;
  options.memory_reserve = 1024 * 1024;
  options.standby_settle = core::Millis(0);  // nothing of what is tested with these boots for longer than it takes to answer
  options.stop_timeout = core::Millis(0);  // killed: busybox takes two seconds to halt
  if (wanted.idmap) reserve_ids(*wanted.idmap, path);
  make_bridge();
  template_idmap_ = wanted.idmap;
  add_template({.name = wanted.template_name, .config = ""});
}

Ground::~Ground() {
  // By what was made: a test may have changed the options. Clones first: an overlay's lower layer has to outlive them.
  std::vector<std::string> names;
  for (const auto& entry : files::directory_iterator(lxc_path_)) {
    if (entry.is_directory() && entry.path().filename() != template_name_) names.push_back(entry.path().filename().string());
  }
  // Templates only then.
  std::stable_partition(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(options.application.app); });
  names.push_back(template_name_);
  for (const auto& name : names) {
    destroy_container(lxc_path_, name);
    gears::remove_empty_cgroups({.lxc_path = lxc_path_, .name = name, .mark = ""}, core::Millis(1'000));
  }
  std::error_code ignored;
  files::remove_all(lxc_path_, ignored);
  files::remove_all("/run/lxc/lock" + lxc_path_, ignored);
  static_cast<void>(system::run_process({"ip", "link", "delete", bridge_}, core::Millis(10'000)));
}

void Ground::make_bridge() {
  for (int k = 0; k < kSubnets; ++k) {
    options.bridge = "gsttest" + std::to_string(k);
    const auto network = "10.98." + std::to_string(kFirstSubnet + k) + ".";
    if (run({"ip", "link", "add", options.bridge, "type", "bridge"}).exit_code != 0) continue;  // another test has it
    bridge_ = options.bridge;
    REQUIRE(run({"ip", "address", "add", network + "1/24", "dev", options.bridge}).exit_code == 0);
    REQUIRE(run({"ip", "link", "set", options.bridge, "up"}).exit_code == 0);
    options.pool = {.first = *parse_ipv4(network + "10"), .last = *parse_ipv4(network + "200"), .prefix = 24};
    options.gateway = *parse_ipv4(network + "1");
    return;
  }
  FAIL("no bridge can be made");
}

void Ground::add_template(const TemplateOptions& wanted) const {
  const auto directory = options.lxc_path + "/" + wanted.name;
  const auto root = directory + "/rootfs";
  wanted.furnish ? wanted.furnish(root) : make_busybox_rootfs(root);
  REQUIRE(::chmod(directory.c_str(), 0710) == 0);
  REQUIRE(::chown(directory.c_str(), 0, template_idmap_ ? template_idmap_->base : 0) == 0);
  std::string config = "lxc.include = /usr/share/lxc/config/common.conf\n";
  if (template_idmap_) {
    config += "lxc.include = /usr/share/lxc/config/userns.conf\n";
    const auto range = " 0 " + std::to_string(template_idmap_->base) + " " + std::to_string(template_idmap_->count) + "\n";
    config += "lxc.idmap = u" + range + "lxc.idmap = g" + range;
    shift_owners(root, *template_idmap_);
  }
  // An address, a group and an autostart of its own, which must not come out in any gear.
  config += "lxc.net.0.type = veth\nlxc.net.0.link = " + options.bridge +
            "\nlxc.net.0.ipv4.address = 10.98.0.99/24\nlxc.net.0.hwaddr = 00:16:3e:99:99:99\n";
  config += "lxc.group = somebody\nlxc.start.auto = 1\nlxc.signal.halt = SIGUSR1\nlxc.uts.name = tmpl\n";
  config += "lxc.rootfs.path = dir:" + root + "\n" + wanted.config;
  write(directory + "/config", config);
}

GearSpec Ground::gear(int number) const {
  // Ids that no other ground has: names of network devices are made of them.
  const auto base = static_cast<unsigned>(std::hash<std::string>()(options.lxc_path));
  char id[9];
  std::snprintf(id, sizeof id, "%08x", (base & 0xffffff00U) + static_cast<unsigned>(number));
  return {.id = id, .address = options.pool.first + static_cast<std::uint32_t>(number)};
}

std::vector<std::string> Ground::traces(const GearSpec& gear) const {
  std::vector<std::string> found;
  const auto where = place(gear);
  for (const auto& path : {where.directory(), where.note(), where.log(), "/run/lxc/lock" + where.lxc_path + "/." + where.name}) {
    if (files::exists(files::symlink_status(path))) found.push_back(path);
  }
  for (const auto& hierarchy : gears::cgroup_places()) {
    std::error_code ignored;
    for (const auto& entry : files::directory_iterator(hierarchy, ignored)) {
      if (gears::cgroup_number(entry.path().filename().string(), where.name) >= 0) found.push_back(entry.path().string());
    }
  }
  if (::if_nametoindex(gears::veth_of(gear.id).c_str()) != 0) found.push_back("device " + gears::veth_of(gear.id));
  const auto neighbours = run({"ip", "neighbour", "show", "nud", "permanent", "dev", options.bridge}).text;
  if (neighbours.find(format_ipv4(gear.address) + " ") != std::string::npos) found.push_back("neighbour " + format_ipv4(gear.address));
  for (const auto& mount : gears::mounts_below(read("/proc/self/mountinfo"), where.directory())) found.push_back("mount " + mount);
  if (read(where.lxc_path + "/" + options.template_name + "/lxc_snapshots").find(where.name + "\n") != std::string::npos) {
    found.push_back("lxc_snapshots");
  }
  return found;
}

bool cannot_run() {
  if (::geteuid() == 0) return false;
  std::puts("SKIPPED: real containers need root");
  return true;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::trunc);
  file << content;
  REQUIRE(file.good());
}

Output run(const std::vector<std::string>& argv) {
  auto result = system::run_process(argv, core::Millis(20'000));
  if (!result) FAIL(result.error().message);
  return {.exit_code = result->exit_code, .text = result->output};
}

Output run_inside(const Ground& ground, const GearSpec& gear, const std::string& line) {
  return run({"lxc-attach", "-P", ground.options.lxc_path, "-n", ground.place(gear).name, "--clear-env", "--", "/bin/sh", "-c", line});
}

std::string lxc_state(const Ground& ground, const GearSpec& gear) {
  const auto path = ground.options.lxc_path;
  const auto table = run({"lxc-ls", "-P", path, "-f", "-F", "STATE", "--filter", ground.place(gear).name}).text;
  return std::string(trim(table.substr(std::min(table.find('\n'), table.size()))));
}

int init_of(const Ground& ground, const GearSpec& gear) {
  const auto text = run({"lxc-info", "-P", ground.options.lxc_path, "-n", ground.place(gear).name, "-p", "-H"}).text;
  return static_cast<int>(parse_integer(trim(text)).value_or(0));
}

std::string fetch(const GearSpec& gear, int port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(gear.address);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "";
  const std::string request = "GET / HTTP/1.0\r\n\r\n";
  if (::send(socket.get(), request.data(), request.size(), 0) < 0) return "";
  std::string reply;
  char buffer[4096];
  for (;;) {
    const auto count = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (count <= 0) break;
    reply.append(buffer, static_cast<std::size_t>(count));
  }
  const auto body = reply.find("\r\n\r\n");
  return body == std::string::npos ? "" : reply.substr(body + 4);
}

std::vector<JobResult> await(GearHost& host, std::size_t count) {
  const system::Deadline deadline(core::Millis(60'000));
  std::vector<JobResult> results;
  while (!deadline.is_over()) {
    for (auto& result : host.finished()) results.push_back(std::move(result));
    if (results.size() >= count) return results;
    pollfd ready{host.ready_fd(), POLLIN, 0};
    ::poll(&ready, 1, deadline.poll_timeout());
  }
  FAIL("only " << results.size() << " of " << count << " jobs ended");
  return {};
}

JobResult run_job(GearHost& host, JobKind kind, const GearSpec& gear, core::Millis deadline) {
  const auto begun = host.begin(kind, gear, deadline);
  if (!begun) FAIL(begun.error().message);
  return await(host, 1).front();
}

std::string detail_of(const JobResult& result) {
  if (!result.detail) FAIL(result.detail.error().message);
  return *result.detail;
}

Error error_of(const JobResult& result) {
  if (result.detail) FAIL("this should have failed, but: " << *result.detail);
  return result.detail.error();
}

std::string without_numbers(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      out += c;
    } else if (out.empty() || out.back() != '#') {
      out += '#';
    }
  }
  return out;
}

void tear_down_fully(const Ground& ground, GearHost& host, const GearSpec& gear) {
  const auto detail = detail_of(run_job(host, JobKind::tear_down, gear));
  INFO("gear " << gear.id << ": " << detail);
  CHECK(ground.traces(gear) == std::vector<std::string>());
  CHECK(*host.inspect(gear.id) == core::ContainerState::absent);
}

std::vector<int> children() {
  std::vector<int> pids;
  for (const auto& entry : files::directory_iterator("/proc")) {
    const auto pid = parse_integer(entry.path().filename().string());
    if (!pid) continue;
    // "pid (comm) state ppid ..."; the name may hold anything, so the last parenthesis counts.
    const auto stat = read(entry.path().string() + "/stat");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    const auto fields = split(std::string_view(stat).substr(name_end + 1), ' ');
    if (fields.size() > 2 && parse_integer(fields[2]) == ::getpid()) pids.push_back(static_cast<int>(*pid));
  }
  return pids;
}

}  // namespace gearscale::test
