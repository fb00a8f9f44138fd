// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "base/event_loop.hpp"
#include "cli/channel_suggestion.hpp"
#include "cli/commands.hpp"
#include "cli/device_info.hpp"
#include "cli/device_permissions.hpp"
#include "cli/device_users.hpp"
#include "cli/hexdump.hpp"
#include "cli/output.hpp"
#include "cli/quoting.hpp"
#include "cli/recorder.hpp"
#include "cli/typed_input.hpp"
#include "cli/unchanged_input.hpp"
#include "device/open.hpp"
#include "notification/sigio.hpp"

namespace drvbus::cli {

namespace {

constexpr std::size_t kShownBytesPerRead = 256;
constexpr std::uint64_t kShownReads = 64;
constexpr const char* kYes = "yes";

/// What to do if a device cannot be opened; empty if unknown.
std::string advice(const DeviceInfo& info, int error)
{
    if (error == EACCES || error == EPERM)
        return info.error != 0 ? "a directory in its path denies access to this user"
                               : fmt::format("{}: {}", ownership(info), access_advice(info, false));
    if (error == EBUSY) {
        const DeviceUsers users = find_device_users(info);
        return fmt::format("only one process can open it, and {} has it open{}", users.names,
                           users.includes_drvbusd ? "; to probe it, stop the daemon: systemctl stop drvbusd" : "");
    }
    if (error == ECONNREFUSED)
        return "no program listens on the socket: start it";
    if (error == EISDIR)
        return "it is a directory";
    return {};
}

/// @returns the open device; none after an error, which is printed
UniqueFd open_device(const std::string& path)
{
    std::string error;
    try {
        return device::open({.name = {}, .node = path, .framing = {}, .format = {}, .event_names = {}}, false).fd;
    } catch (const device::AbsentError& absent) {
        error = printable(absent.what()) + "; is the path correct, and the driver loaded?";
    } catch (const std::system_error& failure) {
        const std::string more = advice(device_info(path), failure.code().value());
        error = printable(failure.what()) + (more.empty() ? "" : "; " + more);
    } catch (const std::exception& failure) {
        error = printable(failure.what());
    }
    (void)std::fputs(("drvbusctl: " + error + "\n").c_str(), stderr);
    return {};
}

/// Whether a device supports a notification: `yes` or `no (REASON)`.
std::string test_notification(notification::Kind kind, const EventLoop& loop, notification::SigioDispatcher& sigio,
                              const notification::Device& device)
{
    try {
        const auto notification = make(kind, loop, sigio, device, [] {});
        return kYes;
    } catch (const std::system_error& error) {
        return fmt::format("no ({})", error.code().message());
    }
}

/// @param any set to true if the device supports at least one kind of notification, else to false
/// @returns a line on each kind of notification
std::string test_notifications(const DeviceInfo& info, int fd, bool& any)
{
    const EventLoop loop;
    notification::SigioDispatcher sigio(loop);
    const bool is_drvbus_class = info.subsystem == "drvbus";
    const notification::Device device{
        .fd = fd, .is_drvbus_class = is_drvbus_class, .eventfd = -1, .priority_only = false};
    std::string text = labelled(
        "eventfd", is_drvbus_class ? test_notification(notification::Kind::eventfd, loop, sigio, device)
                                   : "unknown: only the driver's documentation says whether it has an ioctl for it");
    any = is_drvbus_class;
    for (const notification::Kind kind : {notification::Kind::poll, notification::Kind::sigio}) {
        const std::string result = test_notification(kind, loop, sigio, device);
        text += labelled(to_string(kind), result);
        any = any || result == kYes;
    }
    return text;
}

/// Prints the data of one read.
/// @param number of the read, from 0
/// @param since time since the start
void print_read(std::uint64_t number, std::chrono::nanoseconds since, std::span<const std::byte> bytes)
{
    if (number >= kShownReads)
        return;
    std::string text =
        fmt::format("\n+{:.6f} s, {} bytes\n", std::chrono::duration<double>(since).count(), bytes.size()) +
        hexdump(bytes.first(std::min(bytes.size(), kShownBytesPerRead)));
    if (bytes.size() > kShownBytesPerRead)
        text += fmt::format("... {} more bytes\n", bytes.size() - kShownBytesPerRead);
    if (number + 1 == kShownReads)
        text += "\nfurther reads are counted, but not shown\n";
    print(text);
}

std::string describe_end(const Recording& recording, const DeviceInfo& info)
{
    switch (recording.end) {
    case Recording::End::end_of_file:
        return info.type == DeviceInfo::Type::file ? "end of the file" : "the device hung up";
    case Recording::End::interrupted:
        return "interrupted";
    case Recording::End::byte_limit:
        return "stopped, because this is enough data";
    case Recording::End::failed:
        return fmt::format("reading failed: {}", std::strerror(recording.error));
    default:
        return "time limit reached";
    }
}

/// Reads the device, prints the data, and guesses its layout.
Layout read_device(const DeviceInfo& info, int fd, std::chrono::seconds duration)
{
    const UnchangedInput unchanged(fd);
    Recorder recorder(fd);
    const bool consumes = info.type == DeviceInfo::Type::fifo || isatty(fd) == 1;
    print(fmt::format("\nreading for {} s (Ctrl-C ends it){}\n", duration.count(),
                      consumes ? "; other programs will not get the data that is read here" : ""));
    std::uint64_t number = 0;
    const Recording recording =
        recorder.record(duration, [&number](std::chrono::nanoseconds since, std::span<const std::byte> bytes) {
            print_read(number++, since, bytes);
        });
    print(fmt::format("\nreads: {}, bytes: {}; {}\n", recording.count, recording.bytes, describe_end(recording, info)));
    Layout layout = guess_layout(recording);
    print(fmt::format("layout: {}\n", layout.description));
    return layout;
}

}  // namespace

int probe(const std::string& device, std::chrono::seconds duration)
{
    const UniqueFd fd = open_device(device);
    if (!fd)
        return EXIT_FAILURE;
    const DeviceInfo info = device_info(device, fd.get());
    bool notifies = false;
    print(fmt::format("{}: {}\n", printable(device), describe(info)) + labelled("owner", printable(ownership(info))) +
          test_notifications(info, fd.get(), notifies));
    const std::string reason = reason_not_to_read(info, fd.get());
    Layout layout;
    if (reason.empty())
        layout = read_device(info, fd.get(), duration);
    else
        print(fmt::format("\nnot read: {}\n", reason));
    print(std::string("\n# A draft for /etc/drvbus/drvbusd.toml. Test it with drvbusctl check-config.\n") +
          (notifies ? ""
                    : "# It works only if the driver accepts an eventfd: the device supports neither poll nor "
                      "SIGIO.\n") +
          suggest_channel(info, layout, !reason.empty()));
    return EXIT_SUCCESS;
}

}  // namespace drvbus::cli
