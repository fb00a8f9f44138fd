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

/// Appends `part`, preceded by its size.
void append_part(std::vector<std::byte>& bytes, std::span<const std::byte> part)
{
    const auto size = static_cast<std::uint32_t>(part.size());
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof(size) + part.size());
    std::memcpy(bytes.data() + at, &size, sizeof(size));
    std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(at + sizeof(size)));
}

/// Removes the first part from `bytes` and returns it.
std::vector<std::byte> take_part(std::span<const std::byte>& bytes)
{
    std::uint32_t size = 0;
    if (bytes.size() < sizeof(size))
        throw std::runtime_error("the result of the setup, which the checkpoint stores, is damaged");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes = bytes.subspan(sizeof(size));
    if (bytes.size() < size)
        throw std::runtime_error("the result of the setup, which the checkpoint stores, is damaged");
    std::vector<std::byte> part(bytes.begin(), bytes.begin() + size);
    bytes = bytes.subspan(size);
    return part;
}

void undo_one(const SetupStep& step, const StepContext& context, const std::vector<std::byte>& saved_struct) noexcept
{
    try {
        undo(step, context, saved_struct);
    } catch (const std::exception& error) {
        spdlog::debug("undoing a step of the setup failed: {}", error.what());
    }
}

}  // namespace

std::vector<std::byte> SetupState::to_bytes() const
{
    std::vector<std::byte> bytes;
    append_part(bytes, std::as_bytes(std::span(sysfs)));
    append_part(bytes, payload_prefix);
    for (const std::vector<std::byte>& saved_struct : saved_structs)
        append_part(bytes, saved_struct);
    return bytes;
}

SetupState SetupState::from_bytes(std::span<const std::byte> bytes)
{
    SetupState state;
    if (bytes.empty())
        return state;
    const std::vector<std::byte> path = take_part(bytes);
    state.sysfs.assign(reinterpret_cast<const char*>(path.data()), path.size());
    state.payload_prefix = take_part(bytes);
    while (!bytes.empty())
        state.saved_structs.push_back(take_part(bytes));
    return state;
}

SetupState run_setup(const Settings& settings, UniqueFd& device, UniqueFd& eventfd)
{
    SetupState state;
    state.sysfs = sysfs_path_of(device.get());
    try {
        for (const SetupStep& step : settings.setup) {
            StepResult result = run(step, {.device = device.get(), .eventfd = -1, .sysfs = state.sysfs});
            state.payload_prefix.insert(state.payload_prefix.end(), result.payload_prefix.begin(),
                                        result.payload_prefix.end());
            state.saved_structs.push_back(std::move(result.saved_struct));
            if (result.returned_fd)
                device = std::move(result.returned_fd);
        }
        if (settings.eventfd_step) {
            eventfd.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
            check(eventfd ? 0 : -errno, "eventfd");
            (void)run(*settings.eventfd_step, {.device = device.get(), .eventfd = eventfd.get(), .sysfs = state.sysfs});
        }
    } catch (...) {
        eventfd.reset();
        undo_setup(settings, state, device.get(), -1);
        throw;
    }
    return state;
}

void undo_setup(const Settings& settings, const SetupState& state, int device, int eventfd) noexcept
{
    const StepContext context{.device = device, .eventfd = eventfd, .sysfs = state.sysfs};
    if (settings.eventfd_step && eventfd >= 0)
        undo_one(*settings.eventfd_step, context, {});
    for (std::size_t count = std::min(state.saved_structs.size(), settings.setup.size()); count > 0; --count)
        undo_one(settings.setup[count - 1], context, state.saved_structs[count - 1]);
}

}  // namespace drvbus::device
