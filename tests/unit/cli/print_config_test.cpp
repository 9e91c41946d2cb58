// SPDX-License-Identifier: Apache-2.0
#include "gearscale/cli/print_config.hpp"

#include <nlohmann/json.hpp>

#include "fake_sources.hpp"
#include "support/catch.hpp"

using namespace gearscale;
using namespace gearscale::cli;

TEST_CASE("what --print-config prints is a conf file that gives the same values") {
  FakeSources fake;
  fake.command_line = {
      {"app", "shop"}, {"up_pct", "93.75"}, {"server_check", "check inter 1s port 81"}, {"debug", "true"}, {"probe_path", "/a?b=c"}};
  fake.environment = {{"OPENSHIFT_HOMEDIR", "/srv/shop/"}, {"GEARSCALE_ADDRESS_POOL", "10.87.0.10-10.87.0.250/24"}};
  fake.files["/root/.env/OPENSHIFT_NAMESPACE"] = "prod\n";
  const auto values = fake.resolve();
  REQUIRE(values);
  const auto text = config_text(*values);

  FakeSources again;
  again.command_line.clear();
  again.config_file = "/etc/printed.conf";
  again.files["/etc/printed.conf"] = text;
  const auto reread = again.resolve();
  INFO(text);
  REQUIRE(reread);
  for (const auto& setting : settings()) {
    INFO(setting.key);
    CHECK(reread->text(setting.key) == values->text(setting.key));
    CHECK(reread->at(setting.key).origin == Origin::conf_file);
  }
  CHECK(make_config(*reread));
}

TEST_CASE("each line shows the source of its value") {
  FakeSources fake;
  fake.environment["GEARSCALE_UP_PCT"] = "80";
  const auto text = config_text(*fake.resolve());
  CHECK(text.find("up_pct                = 80 ") != std::string::npos);
  CHECK(text.find("# environment GEARSCALE_UP_PCT\n") != std::string::npos);
  CHECK(text.find("# command line\n") != std::string::npos);
  CHECK(text.find("# default\n") != std::string::npos);
}

TEST_CASE("a config file with a hostile name cannot forge a line") {
  FakeSources fake;
  fake.config_file = "/tmp/x\nup_pct = 1";
  fake.files[*fake.config_file] = "remove_pct = 5\n";
  const auto values = fake.resolve();
  REQUIRE(values);
  CHECK(config_text(*values).find("\nup_pct = 1") == std::string::npos);
}

TEST_CASE("as JSON every setting has value and source") {
  FakeSources fake;
  fake.config_file = "/tmp/\xff.conf";
  fake.files[*fake.config_file] = "up_pct = 80\n";
  const auto object = nlohmann::json::parse(config_json(*fake.resolve()));
  CHECK(object.size() == settings().size());
  CHECK(object["up_pct"]["value"] == "80");
  CHECK(object["up_pct"]["source"].get<std::string>().find("line 1") != std::string::npos);
  CHECK(object["app"]["value"] == "shop");
  CHECK(object["app"]["source"] == "command line");
  CHECK(object["template"]["value"] == "");
}
