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

// The number of an ioctl cannot encode a larger struct. Every buffer has this size, so that the driver does not write
// past it if the configuration has a wrong request or a too short format.
constexpr std::size_t kMaxArgumentSize = std::size_t{1} << _IOC_SIZEBITS;

std::string value_of(std::string_view placeholder, const StepContext& context)
{
    const int fd = placeholder == "{device}" ? context.device : context.eventfd;
    if (placeholder == "{sysfs}" && !context.sysfs.empty())
        return context.sysfs;
    if (placeholder == "{sysfs}" || fd < 0)
        throw std::runtime_error(fmt::format("the placeholder {} has no value in this step", placeholder));
    return std::to_string(fd);
}

std::string expand_placeholders(std::string text, const StepContext& context)
{
    for (const std::string_view placeholder : {"{device}", "{eventfd}", "{sysfs}"}) {
        for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;)
            text.replace(at, placeholder.size(), value_of(placeholder, context));
    }
    return text;
}

bool is_fd_placeholder(const format::Value& value)
{
    const auto* const text = std::get_if<std::string>(&value);
    return text != nullptr && (*text == "{device}" || *text == "{eventfd}");
}

std::vector<std::byte> argument_of(const format::Format& format, const std::map<std::string, format::Value>& given,
                                   const StepContext& context)
{
    std::map<std::string, format::Value> values = given;
    for (auto& [name, value] : values) {
        if (is_fd_placeholder(value))
            value = std::stoll(value_of(std::get<std::string>(value), context));
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

UniqueFd take_returned_fd(const IoctlStep& step, std::span<const std::byte> argument)
{
    const auto field = std::ranges::find(step.format->fields(), step.returned_fd, &format::Field::name);
    UniqueFd fd(static_cast<int>(format::load_integer(*field, field_of(step, step.returned_fd, argument))));
    if (!fd || fcntl(fd.get(), F_SETFD, FD_CLOEXEC) < 0)
        throw std::runtime_error(fmt::format("the driver returned no open file in \"{}\"", step.returned_fd));
    // The fd that a driver returns is in blocking mode. A read would block the event loop.
    const int flags = fcntl(fd.get(), F_GETFL);
    if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0)
        throw std::system_error(errno, std::generic_category(), "O_NONBLOCK");
    return fd;
}

void check_refused_bits(const IoctlStep& step, std::span<const std::byte> returned)
{
    for (const std::uint32_t bit : step.refused_bits) {
        if (bit / 8 < returned.size() && (std::to_integer<unsigned>(returned[bit / 8]) >> bit % 8 & 1U) != 0)
            throw UnusableError(step.refused_reason);
    }
}

/// @param buffer has kMaxArgumentSize bytes and begins with the struct
void call_ioctl(const SetupStep& step, const IoctlStep& ioctl_step, int device, std::vector<std::byte>& buffer)
{
    if (ioctl(device, ioctl_step.request, buffer.data()) < 0)
        throw_errno(step);
}

std::vector<std::byte> read_with_ioctl(const SetupStep& step, std::uint64_t request, std::size_t size, int device)
{
    std::vector<std::byte> buffer(kMaxArgumentSize);
    if (ioctl(device, request, buffer.data()) < 0)
        throw_errno(step);
    buffer.resize(size);
    return buffer;
}

StepResult run_ioctl(const SetupStep& step, const IoctlStep& ioctl_step, const StepContext& context)
{
    StepResult result;
    if (!ioctl_step.format) {
        if (ioctl(context.device, ioctl_step.request, ioctl_step.value) < 0)
            throw_errno(step);
        return result;
    }
    std::vector<std::byte> buffer = argument_of(*ioctl_step.format, ioctl_step.values, context);
    const std::size_t size = buffer.size();
    if (size > kMaxArgumentSize)
        throw std::runtime_error(
            fmt::format("{}: its struct has {} bytes; the limit is {}", to_string(step), size, kMaxArgumentSize));
    if (ioctl_step.restored_from != 0)
        result.saved_struct = read_with_ioctl(step, ioctl_step.restored_from, size, context.device);
    buffer.resize(kMaxArgumentSize);
    call_ioctl(step, ioctl_step, context.device, buffer);
    buffer.resize(size);
    result.argument = std::move(buffer);
    check_refused_bits(ioctl_step, result.argument);
    if (!ioctl_step.returned_fd.empty())
        result.returned_fd = take_returned_fd(ioctl_step, result.argument);
    if (!ioctl_step.prefix_field.empty()) {
        const auto field = field_of(ioctl_step, ioctl_step.prefix_field, result.argument);
        result.payload_prefix.assign(field.begin(), field.end());
    }
    return result;
}

void run_write(const SetupStep& step, const WriteStep& write_step, const StepContext& context)
{
    const std::string text = expand_placeholders(write_step.text, context);
    UniqueFd other_file;
    if (!write_step.to.empty()) {
        const std::string path = expand_placeholders(write_step.to, context);
        other_file.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        if (!other_file)
            throw_errno(step);
    }
    const int fd = other_file ? other_file.get() : context.device;
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
    const auto* const written = std::get_if<WriteStep>(&operation);
    return (written != nullptr && written->to.empty()) || (undo && undo->writes());
}

StepResult run(const SetupStep& step, const StepContext& context)
{
    if (const auto* const ioctl_step = std::get_if<IoctlStep>(&step.operation))
        return run_ioctl(step, *ioctl_step, context);
    if (const auto* const write_step = std::get_if<WriteStep>(&step.operation))
        run_write(step, *write_step, context);
    else if (const auto* const fields = std::get_if<FieldsStep>(&step.operation))
        return {.argument = {},
                .payload_prefix = argument_of(fields->format, fields->values, context),
                .saved_struct = {},
                .returned_fd = {}};
    else if (lseek(context.device, 0, SEEK_END) < 0)
        throw_errno(step);
    return {};
}

StepResult run(const IoctlStep& step, const StepContext& context)
{
    return run_ioctl(SetupStep{.operation = step, .undo = nullptr}, step, context);
}

void undo(const SetupStep& step, const StepContext& context, const std::vector<std::byte>& saved_struct)
{
    if (step.undo)
        (void)run(*step.undo, context);
    const auto* const ioctl_step = std::get_if<IoctlStep>(&step.operation);
    if (ioctl_step == nullptr || saved_struct.empty())
        return;
    std::vector<std::byte> buffer = saved_struct;
    buffer.resize(kMaxArgumentSize);
    call_ioctl(step, *ioctl_step, context.device, buffer);
}

std::string to_string(const SetupStep& step)
{
    if (const auto* const ioctl_step = std::get_if<IoctlStep>(&step.operation))
        return fmt::format("ioctl {:#x}", ioctl_step->request);
    if (const auto* const written = std::get_if<WriteStep>(&step.operation))
        return fmt::format("writing \"{}\" to {}", written->text, written->to.empty() ? "the device" : written->to);
    return std::holds_alternative<FieldsStep>(step.operation) ? "fields" : "seeking to the end";
}

}  // namespace drvbus::device
