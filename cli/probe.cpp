// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/commands.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "base/event_loop.hpp"
#include "cli/channel_suggestion.hpp"
#include "cli/device_info.hpp"
#include "cli/device_permissions.hpp"
#include "cli/device_users.hpp"
#include "cli/hexdump.hpp"
#include "cli/quoting.hpp"
#include "cli/recorder.hpp"
#include "cli/typed_input.hpp"
#include "device/open.hpp"
#include "notification/sigio.hpp"

namespace drvbus::cli {

namespace {

using notification::Kind;

constexpr std::size_t kShownBytes = 256;
constexpr std::uint64_t kShownReads = 64;
constexpr const char* kYes = "yes";

void complain(const std::string& text)
{
    (void)std::fputs(("drvbusctl: " + text + "\n").c_str(), stderr);
}

std::string advice(const Identity& identity, int error)
{
    if (error == EACCES || error == EPERM)
        return identity.error != 0 ? "a folder above it keeps this user out"
                                   : fmt::format("{}: {}", ownership(identity), permission_advice(identity, false));
    if (error == EBUSY) {
        const Holders holders = holders_of(identity);
        return fmt::format("one process at a time has it, now {}{}", holders.names,
                           holders.drvbusd ? ": systemctl stop drvbusd" : "");
    }
    if (error == ECONNREFUSED)
        return "nobody listens on the socket: start the program that does";
    if (error == EISDIR)
        return "it is a folder";
    return {};
}

UniqueFd open_device(const std::string& path)
{
    try {
        return device::open({.name = {}, .node = path, .framing = {}, .format = {}, .event_names = {}}, false).fd;
    } catch (const device::AbsentError& error) {
        complain(printable(error.what()) + "; is its driver loaded, and the path right?");
    } catch (const std::system_error& error) {
        const std::string more = advice(identify(path), error.code().value());
        complain(printable(error.what()) + (more.empty() ? "" : "; " + more));
    } catch (const std::exception& error) {
        complain(printable(error.what()));
    }
    return {};
}

std::string answer(Kind kind, const EventLoop& loop, notification::SigioDispatcher& sigio,
                   const notification::Device& device)
{
    try {
        const auto made = make(kind, loop, sigio, device, [] {});
        return kYes;
    } catch (const std::system_error& error) {
        return fmt::format("no ({})", error.code().message());
    }
}

/// @param any set where one works
std::string notifications(const Identity& identity, int fd, bool& any)
{
    const EventLoop loop;
    notification::SigioDispatcher sigio(loop);
    const bool of_class = identity.subsystem == "drvbus";
    const notification::Device device{.fd = fd, .drvbus_node = of_class, .eventfd = -1, .urgent_only = false};
    std::string text = labelled(
        "eventfd", of_class ? answer(Kind::eventfd, loop, sigio, device)
                            : "not known: by an ioctl of its driver's own, if there is one; no trying finds it");
    any = of_class;
    for (const Kind kind : {Kind::poll, Kind::sigio}) {
        const std::string answered = answer(kind, loop, sigio, device);
        text += labelled(to_string(kind), answered);
        any = any || answered == kYes;
    }
    return text;
}

void show(std::uint64_t number, std::chrono::nanoseconds since, std::span<const std::byte> bytes)
{
    if (number >= kShownReads)
        return;
    std::string text =
        fmt::format("\n+{:.6f} s, {} bytes\n", std::chrono::duration<double>(since).count(), bytes.size()) +
        hexdump(bytes.first(std::min(bytes.size(), kShownBytes)));
    if (bytes.size() > kShownBytes)
        text += fmt::format("... {} more bytes\n", bytes.size() - kShownBytes);
    if (number + 1 == kShownReads)
        text += "\nfurther reads are counted, and not shown\n";
    print(text);
}

std::string in_words(const Recording& recording, const Identity& identity)
{
    switch (recording.end) {
    case Recording::End::end_of_file:
        return identity.sort == Identity::Sort::file ? "that is its end" : "then it hung up";
    case Recording::End::interrupted:
        return "then it was interrupted";
    case Recording::End::byte_limit:
        return "that is enough";
    case Recording::End::failed:
        return fmt::format("then reading failed: {}", std::strerror(recording.error));
    default:
        return "then the time was over";
    }
}

Layout listen(const Identity& identity, int fd, std::chrono::seconds duration)
{
    Recorder recorder(fd);
    print(fmt::format("\nreading for {} s (Ctrl-C ends it){}\n", duration.count(),
                      identity.sort == Identity::Sort::fifo || isatty(fd) == 1
                          ? "; what is read here is gone for others that read it"
                          : ""));
    std::uint64_t number = 0;
    const Recording recording =
        recorder.record(duration, [&number](std::chrono::nanoseconds since, std::span<const std::byte> bytes) {
            show(number++, since, bytes);
        });
    print(fmt::format("\n{} reads, {} bytes; {}\n", recording.count, recording.bytes, in_words(recording, identity)));
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
    const Identity identity = identify(device, fd.get());
    bool notifies = false;
    print(fmt::format("{}: {}\n", printable(device), to_string(identity)) +
          labelled("owner", printable(ownership(identity))) + notifications(identity, fd.get(), notifies));
    const std::string secret = reason_for_secrecy(identity, fd.get());
    Layout layout;
    if (secret.empty())
        layout = listen(identity, fd.get(), duration);
    else
        print(fmt::format("\nnot read: {}\n", secret));
    print(std::string(
              "\n# A beginning for /etc/drvbus/drvbusd.toml; drvbusctl check-config tells what becomes of it.\n") +
          (notifies ? "" : "# None will work for it, unless its driver takes an eventfd: it tells of no news.\n") +
          suggest_channel(identity, layout, !secret.empty()));
    return EXIT_SUCCESS;
}

}  // namespace drvbus::cli
