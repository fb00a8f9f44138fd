// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/setup.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include "base/errno.hpp"

namespace drvbus::device {

namespace {

void put(std::vector<std::byte>& bytes, std::span<const std::byte> part)
{
    const auto size = static_cast<std::uint32_t>(part.size());
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof(size) + part.size());
    std::memcpy(bytes.data() + at, &size, sizeof(size));
    std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(at + sizeof(size)));
}

std::vector<std::byte> get(std::span<const std::byte>& bytes)
{
    std::uint32_t size = 0;
    if (bytes.size() < sizeof(size))
        throw std::runtime_error("its setup is damaged");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes = bytes.subspan(sizeof(size));
    if (bytes.size() < size)
        throw std::runtime_error("its setup is damaged");
    std::vector<std::byte> part(bytes.begin(), bytes.begin() + size);
    bytes = bytes.subspan(size);
    return part;
}

void undo_one(const SetupStep& step, const StepContext& files, const std::vector<std::byte>& before) noexcept
{
    try {
        undo(step, files, before);
    } catch (const std::exception& error) {
        spdlog::debug("undoing a setup: {}", error.what());
    }
}

}  // namespace

std::vector<std::byte> SetupState::to_bytes() const
{
    std::vector<std::byte> bytes;
    put(bytes, std::as_bytes(std::span(sysfs)));
    put(bytes, prefix);
    for (const std::vector<std::byte>& part : before)
        put(bytes, part);
    return bytes;
}

SetupState SetupState::from_bytes(std::span<const std::byte> bytes)
{
    SetupState done;
    if (bytes.empty())
        return done;
    const std::vector<std::byte> folder = get(bytes);
    done.sysfs.assign(reinterpret_cast<const char*>(folder.data()), folder.size());
    done.prefix = get(bytes);
    while (!bytes.empty())
        done.before.push_back(get(bytes));
    return done;
}

SetupState run_setup(const Settings& settings, UniqueFd& device, UniqueFd& eventfd)
{
    SetupState done;
    done.sysfs = sysfs_path_of(device.get());
    try {
        for (const SetupStep& step : settings.setup) {
            StepResult result = run(step, {.device = device.get(), .eventfd = -1, .sysfs = done.sysfs});
            done.prefix.insert(done.prefix.end(), result.prefix.begin(), result.prefix.end());
            done.before.push_back(std::move(result.before));
            if (result.returned_fd)
                device = std::move(result.returned_fd);
        }
        if (settings.eventfd) {
            eventfd.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
            check(eventfd ? 0 : -errno, "eventfd");
            (void)run(*settings.eventfd, {.device = device.get(), .eventfd = eventfd.get(), .sysfs = done.sysfs});
        }
    } catch (...) {
        eventfd.reset();
        undo_setup(settings, done, device.get(), -1);
        throw;
    }
    return done;
}

void undo_setup(const Settings& settings, const SetupState& done, int device, int eventfd) noexcept
{
    const StepContext files{.device = device, .eventfd = eventfd, .sysfs = done.sysfs};
    if (settings.eventfd && eventfd >= 0)
        undo_one(*settings.eventfd, files, {});
    for (std::size_t count = std::min(done.before.size(), settings.setup.size()); count > 0; --count)
        undo_one(settings.setup[count - 1], files, done.before[count - 1]);
}

}  // namespace drvbus::device
