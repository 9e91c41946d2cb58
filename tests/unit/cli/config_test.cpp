// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/config.hpp"

#include "fake_sources.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("defaults make a configuration, with nothing to add gears from") {
  const auto config = FakeSources().config();
  REQUIRE(config);
  CHECK(config->application.app == "shop");
  CHECK(config->application.ns.empty());
  CHECK(config->policy.up_pct == 90.0);
  CHECK(config->policy.remove_pct == 49.9);
  CHECK(config->policy.sessions_per_gear == 10.0);
  CHECK(config->policy.remove_checks == 3);
  CHECK(config->policy.flap_protection == core::Millis(120'000));
  CHECK(config->policy.use_sessions);
  CHECK_FALSE(config->policy.use_response);
  CHECK(config->policy.up_window == core::Millis(300));
  CHECK(config->policy.max_step_up == 0);
  CHECK(config->policy.response.percentile == core::Percentile::p90);
  CHECK(config->policy.response.up == core::Millis(1'000));
  CHECK(config->policy.response.remove == core::Millis(200));
  CHECK(config->policy.response.min_requests == 20);
  CHECK(config->policy.response.window == core::Millis(10'000));
  CHECK(config->check_interval == core::Millis(3'000));
  CHECK(config->sample_interval == core::Millis(100));
  CHECK(config->standby.count == 1);
  CHECK(config->standby.state == core::StandbyPolicy::State::frozen);
  CHECK(config->parallel_starts == 4);
  CHECK(config->limits.fallback == core::Limits{});
  CHECK_FALSE(config->limits.min_override);
  CHECK(config->timeouts.boot == core::Millis(60'000));
  CHECK(config->timeouts.drain_idle == core::Millis(30'000));
  CHECK(config->timeouts.drain_soft == core::Millis(600'000));
  CHECK(config->timeouts.drain_hard == core::Millis(60'000));
  CHECK(config->timeouts.tear_down == core::Millis(60'000));
  CHECK(config->haproxy.backend == "express");
  CHECK(config->haproxy.check == "check inter 500 fall 2 rise 1 pool-max-conn -1 pool-purge-delay 5s");
  CHECK(config->haproxy.deadline == core::Millis(1'000));
  CHECK(config->haproxy.log_ring == "requests");
  CHECK(config->haproxy.log_file.empty());
  CHECK(config->gears.template_name.empty());
  CHECK(config->gears.bridge.empty());
  CHECK(config->gears.pool.first == 0);
  CHECK(config->gears.memory_reserve == 256LL << 20);
  CHECK_FALSE(config->gears.idmap);
  CHECK(config->gears.probe == gears::ProbeKind::http);
  CHECK(config->gears.clone_mode == gears::CloneMode::automatic);
  CHECK(config->gears.standby_state == core::StandbyPolicy::State::frozen);
  CHECK(config->gears.standby_settle == core::Millis(1'000));
  CHECK(config->gears.hooks_dir == "/var/lib/gearscale/shop/repo/.openshift/action_hooks");
  CHECK(config->gears.hook_timeout == core::Millis(30'000));
  CHECK(std::holds_alternative<IdMapAutomatic>(config->idmap));
  CHECK_FALSE(config->debug);
}

TEST_CASE("paths are those of the cartridge") {
  const auto config = FakeSources().config();
  REQUIRE(config);
  const std::string haproxy = "/var/lib/gearscale/shop/haproxy-1.4";
  CHECK(config->paths.haproxy_dir == haproxy);
  CHECK(config->paths.haproxy_cfg == haproxy + "/conf/haproxy.cfg");
  CHECK(config->haproxy.config_file == config->paths.haproxy_cfg);
  CHECK(config->haproxy.stats_socket == haproxy + "/run/stats");
  CHECK(config->paths.registry == haproxy + "/conf/gear-registry.json");
  CHECK(config->paths.lock == haproxy + "/run/gearscale.lock");
  CHECK(config->paths.driver_lock == haproxy + "/run/gearscale.driver");
  CHECK(config->paths.pid_file == haproxy + "/run/haproxy_ctld.pid");
  CHECK(config->paths.output_file == haproxy + "/run/haproxy_ctld.output");
  CHECK(config->paths.events_log == haproxy + "/logs/scale_events.log");
  CHECK(config->paths.events_json == haproxy + "/logs/scale_events.jsonl");
  CHECK(config->paths.scale_limits == "/var/lib/gearscale/shop/data/scale_limits.txt");
  CHECK(config->paths.disable_marker == "/var/lib/gearscale/shop/repo/.openshift/markers/disable_auto_scaling");
}

// No setting has its default.
constexpr const char* kEverySetting =
      "namespace = prod\nuuid = 5f00\nup_pct = 80\nremove_pct = 30\nflap_protection = 5s\nremove_checks = 2\ncheck_interval = 500ms\n"
      "sessions_per_gear = 4.5\nscale_min = 2\nscale_max = 6\nbackend = web\nhaproxy_binary = /usr/sbin/haproxy\nhaproxy_deadline = 200ms\n"
      "server_check =\ngear_maxconn = 8\ntemplate = tpl\nlxc_path = /srv/lxc\nbridge = gsbr0\naddress_pool = 10.87.0.10-10.87.0.250/24\n"
      "gateway = 10.87.0.1\ngear_port = 80\nprobe = tcp\nprobe_path = /up\nboot_timeout = 9s\nclone_mode = copy\nidmap = 100000:65536\n"
      "gear_memory = 64M\ngear_cpu = 0.5\ngear_pids = 99\nmemory_reserve = 1G\nstop_timeout = 10s\ndebug = yes\n"
      "policy = response-time, sessions\nsample_interval = 20ms\nup_window = 0s\nmax_step_up = 3\n"
      "response_log = file:/var/log/haproxy.log\nresponse_percentile = p99\nresponse_up = 2s\nresponse_remove = 100ms\n"
      "response_window = 30s\nresponse_min_requests = 5\n"
      "standby_count = 2\nstandby_state = stopped\nstandby_settle = 250ms\nparallel_starts = 8\ndrain_idle = 1s\ndrain_soft = 2m\ndrain_hard = 7s\n"
      "hooks_dir = /srv/hooks\nhook_timeout = 5s\nisolate_gears = no\n";

TEST_CASE("every setting reaches its place") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = kEverySetting;
  const auto config = fake.config();
  REQUIRE(config);
  CHECK(config->application.ns == "prod");
  CHECK(config->application.uuid == "5f00");
  CHECK(config->policy.up_pct == 80);
  CHECK(config->policy.remove_pct == 30);
  CHECK(config->policy.flap_protection == core::Millis(5'000));
  CHECK(config->policy.remove_checks == 2);
  CHECK(config->check_interval == core::Millis(500));
  CHECK(config->policy.sessions_per_gear == 4.5);
  CHECK(config->limits.fallback == core::Limits{.min = 2, .max = 6});
  CHECK(config->haproxy.application.ns == "prod");
  CHECK(config->haproxy.backend == "web");
  CHECK(config->haproxy.binary == "/usr/sbin/haproxy");
  CHECK(config->haproxy.deadline == core::Millis(200));
  CHECK(config->haproxy.check.empty());
  CHECK(config->haproxy.gear_maxconn == 8);
  CHECK(config->haproxy.gear_port == 80);
  CHECK(config->gears.application.app == "shop");
  CHECK(config->gears.template_name == "tpl");
  CHECK(config->gears.lxc_path == "/srv/lxc");
  CHECK(config->gears.bridge == "gsbr0");
  CHECK(config->gears.pool.size() == 241);
  CHECK(config->gears.gateway == 0x0a570001U);
  CHECK_FALSE(config->gears.isolate_gears);
  CHECK(config->gears.gear_port == 80);
  CHECK(config->gears.probe == gears::ProbeKind::tcp);
  CHECK(config->gears.probe_path == "/up");
  CHECK(config->timeouts.boot == core::Millis(9'000));
  CHECK(config->gears.clone_mode == gears::CloneMode::copy);
  REQUIRE(config->gears.idmap);
  CHECK(config->gears.idmap->count == 65'536);
  CHECK(config->gears.gear_memory == 64LL << 20);
  CHECK(config->gears.gear_cpu == 0.5);
  CHECK(config->gears.gear_pids == 99);
  CHECK(config->gears.memory_reserve == 1LL << 30);
}

TEST_CASE("every setting of response time, standbys, drains and hooks reaches its place") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = kEverySetting;
  const auto config = fake.config();
  REQUIRE(config);
  CHECK(config->policy.use_sessions);
  CHECK(config->policy.use_response);
  CHECK(config->policy.up_window == core::Millis(0));
  CHECK(config->policy.max_step_up == 3);
  CHECK(config->policy.response.percentile == core::Percentile::p99);
  CHECK(config->policy.response.up == core::Millis(2'000));
  CHECK(config->policy.response.remove == core::Millis(100));
  CHECK(config->policy.response.min_requests == 5);
  CHECK(config->policy.response.window == core::Millis(30'000));
  CHECK(config->sample_interval == core::Millis(20));
  CHECK(config->haproxy.log_ring.empty());
  CHECK(config->haproxy.log_file == "/var/log/haproxy.log");
  CHECK(config->standby.count == 2);
  CHECK(config->standby.state == core::StandbyPolicy::State::stopped);
  CHECK(config->gears.standby_state == core::StandbyPolicy::State::stopped);
  CHECK(config->gears.standby_settle == core::Millis(250));
  CHECK(config->parallel_starts == 8);
  CHECK(config->timeouts.drain_idle == core::Millis(1'000));
  CHECK(config->timeouts.drain_soft == core::Millis(120'000));
  CHECK(config->timeouts.drain_hard == core::Millis(7'000));
  CHECK(config->gears.hooks_dir == "/srv/hooks");
  CHECK(config->gears.hook_timeout == core::Millis(5'000));
  CHECK(config->gears.stop_timeout == core::Millis(10'000));
  CHECK(config->timeouts.tear_down == core::Millis(65'000));
  CHECK(config->debug);
}

TEST_CASE("choices mean the enumerators of their names") {
  FakeSources fake;
  fake.command_line["clone_mode"] = "overlay";
  fake.command_line["response_percentile"] = "p50";
  fake.command_line["policy"] = "response-time";
  const auto config = fake.config();
  REQUIRE(config);
  CHECK(config->gears.clone_mode == gears::CloneMode::overlay);
  CHECK(config->policy.response.percentile == core::Percentile::p50);
  CHECK_FALSE(config->policy.use_sessions);
  CHECK(config->policy.use_response);
}

TEST_CASE("a default that follows from another setting is checked like a given value") {
  FakeSources fake;
  fake.command_line["home_dir"] = "/" + std::string(100, 'h');
  const auto config = fake.config();
  REQUIRE_FALSE(config);
  CHECK(config.error().message.find("stats_socket = '/hhh") == 0);
  CHECK(config.error().message.find("(default): must be an absolute path of at most 107") != std::string::npos);
}

TEST_CASE("the pool is large enough from scale_max + standby_count + 4 on, and without a scale_max always") {
  FakeSources fake;
  fake.command_line["address_pool"] = "10.0.0.10-10.0.0.19/24";
  CHECK(fake.config());
  fake.command_line["scale_max"] = "5";
  CHECK(fake.config());
  fake.command_line["scale_max"] = "6";
  CHECK_FALSE(fake.config());
  fake.command_line["standby_count"] = "0";
  CHECK(fake.config());
  fake.command_line["scale_max"] = "3";
  fake.command_line["standby_count"] = "3";
  CHECK(fake.config());
  fake.command_line["standby_count"] = "4";
  CHECK_FALSE(fake.config());
  CHECK(check_pool_size({}, {.min = 1, .max = 1'000}));
}

TEST_CASE("limits know whether they are stronger or weaker than scale_limits.txt") {
  FakeSources fake;
  fake.files = {{FakeSources::kConf, "scale_min = 2\nscale_max = 4\n"}, {"/root/.env/GEARSCALE_SCALE_MAX", "9\n"}};
  const auto config = fake.config();
  REQUIRE(config);
  CHECK_FALSE(config->limits.min_override);
  CHECK(config->limits.max_override == 9);
  CHECK(config->limits.fallback.min == 2);
  CHECK(merge_limits(config->limits, std::nullopt).value() == core::Limits{.min = 2, .max = 9});
  CHECK(merge_limits(config->limits, core::Limits{.min = 5, .max = 6}).value() == core::Limits{.min = 5, .max = 9});
  CHECK(merge_limits(config->limits, core::Limits{.min = 9, .max = -1}).value() == core::Limits{.min = 9, .max = 9});
  const auto contradiction = merge_limits(config->limits, core::Limits{.min = 10, .max = -1});
  REQUIRE_FALSE(contradiction);
  CHECK(contradiction.error().code == Errc::config);
}

TEST_CASE("a strong and a weak limit that clash are no error yet: scale_limits.txt may stand between") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "scale_max = 3\n";
  fake.command_line["scale_min"] = "5";
  const auto config = fake.config();
  REQUIRE(config);
  CHECK_FALSE(merge_limits(config->limits, std::nullopt));
  CHECK(merge_limits(config->limits, core::Limits{.min = 1, .max = 8}).value() == core::Limits{.min = 5, .max = 8});
}

TEST_CASE("stop and status find the daemon's files even while the configuration is wrong") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "garbage\n";
  fake.environment["GEARSCALE_UP_PCT"] = "many";
  CHECK_FALSE(fake.config());
  auto files = find_daemon_files(fake.sources());
  REQUIRE(files);
  CHECK(files->pid_file == "/var/lib/gearscale/shop/haproxy-1.4/run/haproxy_ctld.pid");
  CHECK(files->output_file == "/var/lib/gearscale/shop/haproxy-1.4/run/haproxy_ctld.output");

  fake.command_line = {{"app", "a b"}};
  CHECK(find_daemon_files(fake.sources()).error().code == Errc::usage);
  fake.command_line.clear();
  CHECK(find_daemon_files(fake.sources()).error().message.find("no application is named") != std::string::npos);

  fake.config_file = "/etc/gs.conf";
  fake.files["/etc/gs.conf"] = "app = shop\nhaproxy_dir = /srv/haproxy/\nup_pct = 0\n";
  files = find_daemon_files(fake.sources());
  REQUIRE(files);
  CHECK(files->pid_file == "/srv/haproxy/run/haproxy_ctld.pid");
}

TEST_CASE("a farm stays the same only with the same application, directories, backend and socket") {
  const auto with = [](const std::string& key, const std::string& value) {
    FakeSources sources;
    if (!key.empty()) sources.command_line[key] = value;
    return sources.config().value();
  };
  const auto before = with("", "");
  for (const auto& [key, value] : {std::pair("namespace", "prod"), std::pair("uuid", "5f00"), std::pair("haproxy_dir", "/srv/h"),
                                   std::pair("lxc_path", "/srv/lxc"), std::pair("backend", "other")}) {
    INFO(key);
    const auto same = check_same_farm(before, with(key, value));
    REQUIRE_FALSE(same);
    CHECK(same.error().code == Errc::config);
    CHECK(same.error().message.find(std::string(key) + " would change from '") == 0);
    CHECK(same.error().message.find(std::string("' to '") + value +
                                    "', and the gears that are there belong to it: put it back, or run teardown") != std::string::npos);
    CHECK(check_same_farm(with(key, value), with(key, value)));
  }
  for (const auto& [key, value] : {std::pair("haproxy_cfg", "/srv/haproxy.cfg"), std::pair("stats_socket", "/run/h.sock")}) {
    INFO(key);
    const auto same = check_same_farm(before, with(key, value));
    REQUIRE_FALSE(same);
    CHECK(same.error().message.find("it is read at a start only: put it back, or restart the controller") != std::string::npos);
  }
  for (const auto& [key, value] :
       {std::pair("bridge", "br1"), std::pair("address_pool", "10.88.0.10-10.88.0.99/24"), std::pair("template", "t2"),
        std::pair("gear_port", "81"), std::pair("log_dir", "/srv/logs"), std::pair("lxc_path", "/var/lib/lxc/")}) {
    INFO(key);
    CHECK(check_same_farm(before, with(key, value)));
  }
}

TEST_CASE("two files a gear, standbys too, and some more have to be allowed") {
  Config config;
  config.standby.count = 10;
  const core::Limits limits{.min = 1, .max = 40};
  CHECK(check_open_files(config, limits, 200));
  const auto few = check_open_files(config, limits, 199);
  REQUIRE_FALSE(few);
  CHECK(few.error().message.find("only 199 files may be open, and 50 gears need 200") == 0);
  config.gears.pool = {0x0a570002, 0x0a570002 + 449, 16};  // without a scale_max as many as there are addresses
  CHECK(check_open_files(config, {.min = 1, .max = core::Limits::kNoLimit}, 1'000));
  CHECK_FALSE(check_open_files(config, {.min = 1, .max = core::Limits::kNoLimit}, 999));
}
