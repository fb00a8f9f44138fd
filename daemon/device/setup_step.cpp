// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/setup_step.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device/open.hpp"

namespace drvbus::device {

namespace {

// Upper limit of every ioctl's argument. Buffers have this size, so that with a wrong request or format the driver does
// not write past the buffer.
constexpr std::size_t kLargestArgument = std::size_t{1} << _IOC_SIZEBITS;

std::string replacement(std::string_view placeholder, const StepContext& files)
{
    const int fd = placeholder == "{device}" ? files.device : files.eventfd;
    if (placeholder == "{sysfs}" && !files.sysfs.empty())
        return files.sysfs;
    if (placeholder == "{sysfs}" || fd < 0)
        throw std::runtime_error(fmt::format("{} has no value here", placeholder));
    return std::to_string(fd);
}

std::string with_numbers(std::string text, const StepContext& files)
{
    for (const std::string_view placeholder : {"{device}", "{eventfd}", "{sysfs}"}) {
        for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;)
            text.replace(at, placeholder.size(), replacement(placeholder, files));
    }
    return text;
}

bool is_file(const format::Value& value)
{
    const auto* const text = std::get_if<std::string>(&value);
    return text != nullptr && (*text == "{device}" || *text == "{eventfd}");
}

std::vector<std::byte> argument_of(const format::Format& format, const std::map<std::string, format::Value>& given,
                                   const StepContext& files)
{
    std::map<std::string, format::Value> values = given;
    for (auto& [name, value] : values) {
        if (is_file(value))
            value = std::stoll(replacement(std::get<std::string>(value), files));
    }
    return format::encode(format, values);
}

[[noreturn]] void throw_errno(const SetupStep& step)
{
    throw std::system_error(errno, std::generic_category(), to_string(step));
}

std::span<const std::byte> field_of(const IoctlStep& step, const std::string& name, std::span<const std::byte> bytes)
{
    const auto field = std::ranges::find(step.format->fields(), name, &format::Field::name);
    return format::Format::bytes_of(*field, bytes);
}

UniqueFd returned_fd_in(const IoctlStep& step, std::span<const std::byte> argument)
{
    const auto field = std::ranges::find(step.format->fields(), step.returned_fd, &format::Field::name);
    UniqueFd fd(static_cast<int>(format::load_integer(field->type, field_of(step, step.returned_fd, argument))));
    if (!fd || fcntl(fd.get(), F_SETFD, FD_CLOEXEC) < 0)
        throw std::runtime_error(fmt::format("the driver returned no open file in \"{}\"", step.returned_fd));
    // Drivers return a blocking file, which would block the event loop.
    const int flags = fcntl(fd.get(), F_GETFL);
    if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0)
        throw std::system_error(errno, std::generic_category(), "O_NONBLOCK");
    return fd;
}

void check_refused_bits(const IoctlStep& step, std::span<const std::byte> answer)
{
    for (const std::uint32_t bit : step.refused_bits) {
        if (bit / 8 < answer.size() && (std::to_integer<unsigned>(answer[bit / 8]) >> bit % 8 & 1U) != 0)
            throw UnusableError(step.refused_reason);
    }
}

/// @param room as large as any argument, beginning with the struct
void call(const SetupStep& step, const IoctlStep& ioctl_step, int device, std::vector<std::byte>& room)
{
    if (ioctl(device, ioctl_step.request, room.data()) < 0)
        throw_errno(step);
}

std::vector<std::byte> read_with_ioctl(const SetupStep& step, std::uint64_t request, std::size_t size, int device)
{
    std::vector<std::byte> room(kLargestArgument);
    if (ioctl(device, request, room.data()) < 0)
        throw_errno(step);
    room.resize(size);
    return room;
}

StepResult run_ioctl(const SetupStep& step, const IoctlStep& ioctl_step, const StepContext& files)
{
    StepResult result;
    if (!ioctl_step.format) {
        if (ioctl(files.device, ioctl_step.request, ioctl_step.value) < 0)
            throw_errno(step);
        return result;
    }
    std::vector<std::byte> room = argument_of(*ioctl_step.format, ioctl_step.values, files);
    const std::size_t size = room.size();
    if (size > kLargestArgument)
        throw std::runtime_error(
            fmt::format("{}: its struct has {} bytes; the limit is {}", to_string(step), size, kLargestArgument));
    if (ioctl_step.restored_from != 0)
        result.before = read_with_ioctl(step, ioctl_step.restored_from, size, files.device);
    room.resize(kLargestArgument);
    call(step, ioctl_step, files.device, room);
    room.resize(size);
    result.argument = std::move(room);
    check_refused_bits(ioctl_step, result.argument);
    if (!ioctl_step.returned_fd.empty())
        result.returned_fd = returned_fd_in(ioctl_step, result.argument);
    if (!ioctl_step.keep.empty()) {
        const auto kept = field_of(ioctl_step, ioctl_step.keep, result.argument);
        result.prefix.assign(kept.begin(), kept.end());
    }
    return result;
}

void run_write(const SetupStep& step, const WriteStep& write_step, const StepContext& files)
{
    const std::string text = with_numbers(write_step.text, files);
    UniqueFd other;
    if (!write_step.to.empty()) {
        other.reset(::open(with_numbers(write_step.to, files).c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        if (!other)
            throw_errno(step);
    }
    const int fd = other ? other.get() : files.device;
    const ssize_t written = write_step.at ? pwrite(fd, text.data(), text.size(), static_cast<off_t>(*write_step.at))
                                          : ::write(fd, text.data(), text.size());
    if (written < 0)
        throw_errno(step);
    if (static_cast<std::size_t>(written) != text.size())
        throw std::runtime_error(
            fmt::format("{}: only {} of {} bytes were written", to_string(step), written, text.size()));
}

}  // namespace

bool SetupStep::writes() const
{
    const auto* const written = std::get_if<WriteStep>(&what);
    return (written != nullptr && written->to.empty()) || (undo && undo->writes());
}

StepResult run(const SetupStep& step, const StepContext& files)
{
    if (const auto* const ioctl_step = std::get_if<IoctlStep>(&step.what))
        return run_ioctl(step, *ioctl_step, files);
    if (const auto* const write_step = std::get_if<WriteStep>(&step.what))
        run_write(step, *write_step, files);
    else if (const auto* const fields = std::get_if<FieldsStep>(&step.what))
        return {.argument = {},
                .prefix = argument_of(fields->format, fields->values, files),
                .before = {},
                .returned_fd = {}};
    else if (lseek(files.device, 0, SEEK_END) < 0)
        throw_errno(step);
    return {};
}

StepResult run(const IoctlStep& step, const StepContext& files)
{
    return run_ioctl(SetupStep{.what = step, .undo = nullptr}, step, files);
}

void undo(const SetupStep& step, const StepContext& files, const std::vector<std::byte>& before)
{
    if (step.undo)
        (void)run(*step.undo, files);
    const auto* const ioctl_step = std::get_if<IoctlStep>(&step.what);
    if (ioctl_step == nullptr || before.empty())
        return;
    std::vector<std::byte> room = before;
    room.resize(kLargestArgument);
    call(step, *ioctl_step, files.device, room);
}

std::string to_string(const SetupStep& step)
{
    if (const auto* const ioctl_step = std::get_if<IoctlStep>(&step.what))
        return fmt::format("ioctl {:#x}", ioctl_step->request);
    if (const auto* const written = std::get_if<WriteStep>(&step.what))
        return fmt::format("writing \"{}\" to {}", written->text, written->to.empty() ? "the device" : written->to);
    return std::holds_alternative<FieldsStep>(step.what) ? "fields" : "seeking to the end";
}

}  // namespace drvbus::device
