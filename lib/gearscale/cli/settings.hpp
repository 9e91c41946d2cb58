// SPDX-License-Identifier: Apache-2.0
// The one table of settings. Program options, help texts, the conf file's keys and --print-config all come from it; no other file may
// know a setting's range or default.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gearscale/base/result.hpp"

namespace gearscale::cli {

// duration: a number with ms, s, m or h; bytes: a whole number, with K, M or G if wanted; flag: true or false; choice: one of `range`,
// split at '|'.
enum class Kind { text, number, integer, duration, bytes, flag, choice };

struct Setting {
  std::string_view heading;  // in help texts, of the group that begins here; empty: the setting belongs to the group before
  std::string_view key;      // in the conf file; the long option is the same with '-' for '_', the variable GEARSCALE_KEY in capitals
  std::string_view env;      // the OpenShift variable that is asked before GEARSCALE_KEY; empty: none
  std::string_view alias;    // another name of the long option (HAProxyScaleLXC's); empty: none
  Kind kind = Kind::text;
  std::string_view unit;  // what the number counts, for people; empty where the kind says it
  // What is allowed, for people: "must be ...". For number, integer, duration and bytes it is also what is checked: "LOW to HIGH", and one
  // more value behind it as ", or SPECIAL for ...".
  std::string_view range;
  bool (*accepts)(std::string_view) = nullptr;  // text: the whitelist
  std::string_view default_value;               // {key} stands for the value of an earlier setting; empty while that one is empty
  std::string_view help;
};

// In the order in which they are printed; a setting comes after those its default depends on.
std::span<const Setting> settings();

// Nothing when there is no such key.
const Setting* find_setting(std::string_view key);

// For messages: what became of a setting of earlier versions, by key or option ("drain_timeout", "--drain-timeout=1s"). Empty: no such one.
std::string_view successor_of(std::string_view name);

std::string option_name(const Setting& setting);    // "up-pct"
std::string variable_name(const Setting& setting);  // "GEARSCALE_UP_PCT"
std::string argument_name(const Setting& setting);  // "N", "DURATION", "TEXT", ...: what the option takes, in help texts
std::string default_text(const Setting& setting);   // "HOME_DIR/haproxy-1.4", "90.0", "(none)": for people

// The setting that a default is made from: before + its value + after. All empty when the default stands by itself.
struct DefaultBase {
  std::string_view before, key, after;
};
DefaultBase default_base(const Setting& setting);

// Is the text allowed for this setting, by itself? The error side is "must be ..." without the setting's name and source.
Result<void> check_text(const Setting& setting, std::string_view text);

}  // namespace gearscale::cli
