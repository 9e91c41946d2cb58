// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/resolve.hpp"

#include "fake_sources.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("without any source every setting has its default, directories follow the application") {
  const auto values = FakeSources().resolve();
  REQUIRE(values);
  CHECK(values->text("up_pct") == "90.0");
  CHECK(values->at("up_pct").source == "default");
  CHECK(values->text("home_dir") == "/var/lib/gearscale/shop");
  CHECK(values->text("haproxy_dir") == "/var/lib/gearscale/shop/haproxy-1.4");
  CHECK(values->text("log_dir") == "/var/lib/gearscale/shop/haproxy-1.4/logs");
  CHECK(values->text("data_dir") == "/var/lib/gearscale/shop/data");
  CHECK(values->text("repo_dir") == "/var/lib/gearscale/shop/repo");
  CHECK(values->text("stats_socket") == "/var/lib/gearscale/shop/haproxy-1.4/run/stats");
  CHECK(values->text("template").empty());
  CHECK(values->at("app").source == "command line");
}

TEST_CASE("each source is stronger than the next: command line, environment, ~/.env, conf file, default") {
  FakeSources fake;
  fake.command_line["sessions_per_gear"] = "1";
  fake.environment = {{"OPENSHIFT_MAX_SESSIONS_PER_GEAR", "2"}, {"GEARSCALE_SESSIONS_PER_GEAR", "3"}};
  fake.files = {{"/root/.env/OPENSHIFT_MAX_SESSIONS_PER_GEAR", "4\n"},
                {"/root/.env/GEARSCALE_SESSIONS_PER_GEAR", "5\n"},
                {FakeSources::kConf, "\nsessions_per_gear = 6\n"}};
  struct Step {
    const char* text;
    const char* source;
    Origin origin;
    std::function<void(FakeSources&)> take_away;
  };
  const Step steps[] = {
      {"1", "command line", Origin::command_line, [](FakeSources& f) { f.command_line.erase("sessions_per_gear"); }},
      {"2", "environment OPENSHIFT_MAX_SESSIONS_PER_GEAR", Origin::environment,
       [](FakeSources& f) { f.environment.erase("OPENSHIFT_MAX_SESSIONS_PER_GEAR"); }},
      {"3", "environment GEARSCALE_SESSIONS_PER_GEAR", Origin::environment, [](FakeSources& f) { f.environment.clear(); }},
      {"4", "/root/.env/OPENSHIFT_MAX_SESSIONS_PER_GEAR", Origin::env_file,
       [](FakeSources& f) { f.files.erase("/root/.env/OPENSHIFT_MAX_SESSIONS_PER_GEAR"); }},
      {"5", "/root/.env/GEARSCALE_SESSIONS_PER_GEAR", Origin::env_file,
       [](FakeSources& f) { f.files.erase("/root/.env/GEARSCALE_SESSIONS_PER_GEAR"); }},
      {"6", "conf/haproxy_ctld.conf line 2", Origin::conf_file, [](FakeSources& f) { f.files.clear(); }},
      {"10", "default", Origin::built_in, [](FakeSources&) {}},
  };
  for (const auto& step : steps) {
    INFO(step.source);
    const auto values = fake.resolve();
    REQUIRE(values);
    CHECK(values->text("sessions_per_gear") == step.text);
    CHECK(values->at("sessions_per_gear").source == step.source);
    CHECK(values->at("sessions_per_gear").origin == step.origin);
    step.take_away(fake);
  }
}

TEST_CASE("an empty variable or ~/.env file counts as not given, an empty option as empty") {
  FakeSources fake;
  fake.environment = {{"OPENSHIFT_NAMESPACE", ""}, {"GEARSCALE_UP_PCT", ""}};
  fake.files = {{"/root/.env/OPENSHIFT_NAMESPACE", "\n"}, {FakeSources::kConf, "namespace = prod\n"}};
  CHECK(fake.resolve()->text("namespace") == "prod");
  CHECK(fake.resolve()->text("up_pct") == "90.0");
  fake.command_line["namespace"] = "";
  CHECK(fake.resolve()->text("namespace").empty());
  fake.command_line["up_pct"] = "";
  CHECK_FALSE(fake.resolve());
}

TEST_CASE("a ~/.env file may hold the value, or OpenShift's export line") {
  struct Row {
    const char* content;
    const char* value;
  };
  const Row rows[] = {{"prod", "prod"}, {"prod\n", "prod"}, {"prod\r\n", "prod"}, {"export OPENSHIFT_NAMESPACE='prod'\n", "prod"},
                      {"export OPENSHIFT_NAMESPACE=\"prod\"", "prod"}, {"export OPENSHIFT_NAMESPACE=prod\n", "prod"}};
  for (const auto& row : rows) {
    INFO(row.content);
    FakeSources fake;
    fake.files["/root/.env/OPENSHIFT_NAMESPACE"] = row.content;
    const auto values = fake.resolve();
    REQUIRE(values);
    CHECK(values->text("namespace") == row.value);
    CHECK(values->at("namespace").source == "/root/.env/OPENSHIFT_NAMESPACE");
  }
  for (const auto* bad : {"prod\n\n", " prod", "export OTHER='prod'", "export OPENSHIFT_NAMESPACE='prod", "a\nb", "prod;rm"}) {
    INFO(bad);
    FakeSources fake;
    fake.files["/root/.env/OPENSHIFT_NAMESPACE"] = bad;
    const auto values = fake.resolve();
    REQUIRE_FALSE(values);
    CHECK(values.error().code == Errc::config);
    CHECK(values.error().message.find("(/root/.env/OPENSHIFT_NAMESPACE)") != std::string::npos);
  }
}

TEST_CASE("without a home, or with a strange one, ~/.env is not looked at") {
  FakeSources fake;
  fake.files = {{"/.env/OPENSHIFT_NAMESPACE", "x"}, {"here/.env/OPENSHIFT_NAMESPACE", "x"}};
  for (const auto* home : {"", "here"}) {
    fake.home = home;
    CHECK(fake.resolve()->text("namespace").empty());
  }
}

TEST_CASE("the namespace is the second dash field of the first label of OPENSHIFT_GEAR_DNS") {
  struct Row {
    const char* dns;
    const char* expected;
  };
  const Row rows[] = {{"shop-prod.example.com", "prod"}, {"shop.example.com", ""}, {"shop.my-host.com", ""}, {"shop-prod", "prod"},
                      {"shop-prod-x.example.com", "prod"}, {"shop-.example.com", ""}, {"", ""}};
  for (const auto& row : rows) {
    INFO(row.dns);
    FakeSources fake;
    fake.environment["OPENSHIFT_GEAR_DNS"] = row.dns;
    CHECK(fake.resolve()->text("namespace") == row.expected);
    FakeSources by_file;
    by_file.files["/root/.env/OPENSHIFT_GEAR_DNS"] = std::string("export OPENSHIFT_GEAR_DNS='") + row.dns + "'\n";
    CHECK(by_file.resolve()->text("namespace") == row.expected);
  }
  FakeSources fake;
  fake.environment = {{"OPENSHIFT_GEAR_DNS", "shop-prod.example.com"}, {"OPENSHIFT_NAMESPACE", "test"}};
  CHECK(fake.resolve()->text("namespace") == "test");
  fake.environment = {{"OPENSHIFT_GEAR_DNS", "shop-a;b.example.com"}};
  CHECK_FALSE(fake.resolve());
}

TEST_CASE("OpenShift's directories may end with a slash") {
  FakeSources fake;
  fake.environment = {{"OPENSHIFT_HOMEDIR", "/var/lib/openshift/5f/"}, {"OPENSHIFT_DATA_DIR", "/var/lib/openshift/5f/app-root/data/"}};
  fake.files["/var/lib/openshift/5f/haproxy-1.4/conf/haproxy_ctld.conf"] = "up_pct = 70\n";
  const auto values = fake.resolve();
  REQUIRE(values);
  CHECK(values->text("haproxy_dir") == "/var/lib/openshift/5f/haproxy-1.4");
  CHECK(values->text("up_pct") == "70");
  const auto config = fake.config();
  REQUIRE(config);
  CHECK(config->paths.scale_limits == "/var/lib/openshift/5f/app-root/data/scale_limits.txt");
}

TEST_CASE("the conf file may name the application when it is given with --config") {
  FakeSources fake;
  fake.command_line.clear();
  fake.config_file = "/etc/gs.conf";
  fake.files["/etc/gs.conf"] = "app = shop\nhaproxy_dir = /srv/haproxy\n";
  const auto values = fake.resolve();
  REQUIRE(values);
  CHECK(values->text("home_dir") == "/var/lib/gearscale/shop");
  CHECK(values->text("stats_socket") == "/srv/haproxy/run/stats");
  CHECK(values->at("app").source == "/etc/gs.conf line 1");
}

TEST_CASE("with --config the file of the cartridge is not read, and the given one must be there") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "garbage";
  CHECK_FALSE(fake.resolve());
  fake.config_file = "/etc/gs.conf";
  const auto missing = fake.resolve();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::config);
  CHECK(missing.error().message.find("/etc/gs.conf: no such file") != std::string::npos);
  fake.files["/etc/gs.conf"] = "";
  CHECK(fake.resolve());
}

TEST_CASE("a file that is there but cannot be read is an error, not a default") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "EACCES";
  CHECK(fake.resolve().error().message.find("permission denied") != std::string::npos);
  fake.files = {{"/root/.env/GEARSCALE_UP_PCT", "EACCES"}};
  const auto refused = fake.resolve();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::config);
  CHECK(refused.error().message == "up_pct: cannot open /root/.env/GEARSCALE_UP_PCT: permission denied");
}

TEST_CASE("the conf file that was found through a directory cannot move that directory") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "up_pct = 80\nhaproxy_dir = /srv/other\n";
  const auto moved = fake.resolve();
  REQUIRE_FALSE(moved);
  CHECK(moved.error().code == Errc::config);
  CHECK(moved.error().message.find("haproxy_dir = '/srv/other' (conf/haproxy_ctld.conf line 2)") == 0);
  fake.files[FakeSources::kConf] = "home_dir = /srv/other\n";
  CHECK(fake.resolve().error().message.find("home_dir = '/srv/other'") == 0);
  fake.files[FakeSources::kConf] = "haproxy_dir = /var/lib/gearscale/shop/haproxy-1.4\n";
  CHECK(fake.resolve());
}

TEST_CASE("a default that would be refused is no error where the conf file replaces it") {
  FakeSources fake;
  const std::string home = "/" + std::string(100, 'h');
  fake.command_line["home_dir"] = home;
  CHECK_FALSE(fake.resolve());  // HOME_DIR/haproxy-1.4/run/stats is longer than a socket's path may be
  fake.files[home + "/haproxy-1.4/conf/haproxy_ctld.conf"] = "stats_socket = /run/haproxy.sock\n";
  CHECK(fake.resolve()->text("stats_socket") == "/run/haproxy.sock");
}

TEST_CASE("a bad value names setting, value, source and what is allowed") {
  FakeSources fake;
  fake.environment["GEARSCALE_UP_PCT"] = "a lot";
  auto refused = fake.resolve();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::config);
  CHECK(refused.error().message == "up_pct = 'a lot' (environment GEARSCALE_UP_PCT): must be a number, 1 to 1000 (%)");
  fake.command_line["up_pct"] = "0";
  refused = fake.resolve();
  CHECK(refused.error().code == Errc::usage);
  CHECK(refused.error().message == "up_pct = '0' (command line): must be a number, 1 to 1000 (%)");
}

TEST_CASE("a hostile application name never becomes part of a path that is read") {
  for (const std::string name : {"../../etc", "a b", "a\nb", "a'b", "a/b", ".", ""}) {
    INFO(name);
    FakeSources fake;
    fake.command_line["app"] = name;
    auto sources = fake.sources();
    sources.home.clear();
    sources.read_file = [](const std::string& path, std::size_t) -> Result<std::string> {
      FAIL("read " << path);
      return std::string();
    };
    const auto values = cli::resolve(sources);
    CHECK(values.has_value() == name.empty());
  }
}

TEST_CASE("scale_limits.txt shows where nothing stronger has set a limit") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "scale_min = 2\n";
  fake.command_line["scale_max"] = "7";
  auto values = fake.resolve();
  REQUIRE(values);
  values->apply_scale_limits({.min = 3, .max = 5});
  CHECK(values->text("scale_min") == "3");
  CHECK(values->at("scale_min").source == "scale_limits.txt");
  CHECK(values->text("scale_max") == "7");
  CHECK(values->at("scale_max").source == "command line");
}

TEST_CASE("the values of some settings come in the order they are asked for, with defaults made from others") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "backend = web   # ours\n";
  fake.environment["GEARSCALE_LXC_PATH"] = "/srv/lxc";
  const auto texts = resolve_some(fake.sources(), {"stats_socket", "backend", "lxc_path", "template"});
  REQUIRE(texts);
  CHECK(*texts == std::vector<std::string>{"/var/lib/gearscale/shop/haproxy-1.4/run/stats", "web", "/srv/lxc", ""});
}

TEST_CASE("the values of some settings are there although other lines and values are wrong") {
  FakeSources fake;
  fake.files[FakeSources::kConf] = "up_pct = many\nzap\nhome_dir = /elsewhere\nbackend = web\nlxc_path = not a path\n";
  CHECK(resolve_some(fake.sources(), {"backend"}).value_or({}) == std::vector<std::string>{"web"});
  const auto wrong = resolve_some(fake.sources(), {"backend", "lxc_path"});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message.find("lxc_path = 'not a path'") == 0);
}

TEST_CASE("the values of some settings: a conf file may be missing unless it was named, and must be readable") {
  FakeSources fake;
  CHECK(resolve_some(fake.sources(), {"backend"}).value_or({}) == std::vector<std::string>{"express"});
  fake.files[FakeSources::kConf] = "EACCES";
  CHECK_FALSE(resolve_some(fake.sources(), {"backend"}));
  fake.config_file = "/etc/my.conf";
  CHECK_FALSE(resolve_some(fake.sources(), {"backend"}));
  fake.files["/etc/my.conf"] = "app = other\nbackend = mine\n";
  CHECK(resolve_some(fake.sources(), {"backend"}).value_or({}) == std::vector<std::string>{"mine"});
}
