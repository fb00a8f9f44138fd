// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/config_description.hpp"

#include <type_traits>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/output.hpp"
#include "cli/quoting.hpp"

namespace drvbus::cli {

namespace {

std::string text_of(const format::Value& value)
{
    return std::visit(
        [](const auto& concrete) {
            using Concrete = std::remove_cvref_t<decltype(concrete)>;
            if constexpr (std::is_same_v<Concrete, std::string>)
                return fmt::format("\"{}\"", concrete);
            else if constexpr (std::is_same_v<Concrete, std::vector<std::int64_t>>)
                return fmt::format("[{}]", fmt::join(concrete, ", "));
            else
                return fmt::format("{}", concrete);
        },
        value);
}

std::string text_of(const format::Format& format, const std::map<std::string, format::Value>& values)
{
    std::vector<std::string> given;
    given.reserve(values.size());
    for (const auto& [name, value] : values)
        given.push_back(fmt::format("{} = {}", name, text_of(value)));
    return fmt::format("{{ {} }}{}", format.text(),
                       given.empty() ? "" : fmt::format(" with {}", fmt::join(given, ", ")));
}

std::string text_of(const device::IoctlStep& step)
{
    std::string text = step.format ? text_of(*step.format, step.values) : std::to_string(step.value);
    if (!step.returned_fd.empty())
        text += fmt::format("; the file that it returns in \"{}\" replaces the device", step.returned_fd);
    if (!step.prefix_field.empty())
        text += fmt::format("; its \"{}\" is prepended to each payload", step.prefix_field);
    if (!step.refused_bits.empty())
        text += fmt::format("; the device is refused if one of {} bits is set: {}", step.refused_bits.size(),
                            step.refused_reason);
    if (step.restored_from != 0)
        text += fmt::format("; undone by the same ioctl, with the settings that ioctl {:#x} returned before the step",
                            step.restored_from);
    return text;
}

std::string name_of(const format::Field& field)
{
    return field.name;
}

std::string name_of(const record::TimeField& part)
{
    return part.unit_ns == 1 ? part.field.name : fmt::format("{} * {} ns", part.field.name, part.unit_ns);
}

template <typename Parts>
std::string names_of(const Parts& parts, std::string_view separator)
{
    std::vector<std::string> names;
    names.reserve(parts.size());
    for (const auto& part : parts)
        names.push_back(name_of(part));
    return fmt::format("{}", fmt::join(names, separator));
}

std::string_view name_of_clock(clockid_t clock)
{
    if (clock == CLOCK_REALTIME)
        return "realtime";
    return clock == CLOCK_BOOTTIME ? "boottime" : "monotonic";
}

std::string describe_decoding(const record::DecodingRules& decoding)
{
    std::string text;
    if (!decoding.id.empty())
        text += labelled("id", names_of(decoding.id, ", "));
    if (!decoding.time.empty())
        text += labelled("time",
                         fmt::format("{} (clock {})", names_of(decoding.time, " + "), name_of_clock(decoding.clock)));
    if (decoding.device_number)
        text += labelled("sequence", decoding.device_number->name + ": missing numbers are lost events");
    if (!decoding.ignored.empty())
        text += labelled("ignore", fmt::format("events with id {}", fmt::join(decoding.ignored, ", ")));
    if (!decoding.losses.empty())
        text += labelled(
            "loss", fmt::format("events with id {} are announced as lost events", fmt::join(decoding.losses, ", ")));
    return text;
}

/// The limit of a record, unless it is the default.
std::string limit_of(const record::Framing& framing)
{
    return framing.max_length == record::Framing::kMaxLength ? ""
                                                             : fmt::format("; at most {} bytes", framing.max_length);
}

std::string describe_lines(const record::Framing& framing)
{
    if (framing.end.empty())
        return "\"lines\": each line is one event" + limit_of(framing);
    const std::string start =
        framing.start.empty() ? "" : fmt::format("begins with {} and ", record::to_string(framing.start));
    return fmt::format("\"lines\": each record {}ends with {}{}", start, record::to_string(framing.end),
                       limit_of(framing));
}

std::string describe_frames(const record::Framing& framing)
{
    const record::FrameLayout& frame = framing.frame;
    std::string text = fmt::format("\"frames\": each frame begins with {}", record::to_string(framing.start));
    if (frame.length_size == 0)
        text += fmt::format(" and has {} bytes", frame.added);
    else
        text += fmt::format("; its size is the {}-byte number at {} plus {}", frame.length_size, frame.length_at,
                            frame.added);
    if (frame.checksum != record::Checksum::none)
        text += fmt::format("; checksum {} from byte {} on", name_of(frame.checksum), frame.checksum_from);
    if (!framing.end.empty())
        text += fmt::format("; ends with {}", record::to_string(framing.end));
    return text + limit_of(framing);
}

/// Shows the first names only: a preset may have hundreds.
std::string describe_names(const std::map<std::uint32_t, std::string>& names)
{
    constexpr std::size_t kShown = 4;
    std::vector<std::string> shown;
    for (auto name = names.begin(); name != names.end() && shown.size() < kShown; ++name)
        shown.push_back(fmt::format("{} \"{}\"", name->first, printable(name->second)));
    const std::size_t more = names.size() - shown.size();
    return labelled("names",
                    fmt::format("{}{}", fmt::join(shown, ", "), more > 0 ? fmt::format(" and {} more", more) : ""));
}

}  // namespace

std::string describe(const device::SetupStep& step)
{
    std::string text = device::to_string(step);
    if (const auto* const ioctl = std::get_if<device::IoctlStep>(&step.operation))
        text += ", " + text_of(*ioctl);
    else if (const auto* const fields = std::get_if<device::FieldsStep>(&step.operation))
        text += fmt::format(" prepended to each payload: {}", text_of(fields->format, fields->values));
    else if (const auto* const written = std::get_if<device::WriteStep>(&step.operation); written && written->at)
        text += fmt::format(" at {}", *written->at);
    if (step.undo)
        text += fmt::format("; undone by {}", describe(*step.undo));
    return printable(text);
}

std::string describe(const record::Framing& framing)
{
    switch (framing.kind) {
    case record::Framing::Kind::records:
        return "\"drvbus\": a stream of struct drvbus_record";
    case record::Framing::Kind::raw:
        return "\"raw\": the data of each read is one event";
    case record::Framing::Kind::fixed:
        return fmt::format("\"fixed\": each {} bytes are one event", framing.size);
    case record::Framing::Kind::lines:
        return describe_lines(framing);
    case record::Framing::Kind::frames:
        return describe_frames(framing);
    default:
        return "\"snapshot\": the content of the file is one event at each notification";
    }
}

std::string describe_events(const device::ChannelSettings& channel)
{
    std::string text;
    if (channel.device)
        text += labelled("records", describe(channel.device->framing));
    if (channel.format)
        text += labelled("format", channel.format->kind() == format::Format::Kind::bytes
                                       ? "none: payloads are published as bytes"
                                       : printable(channel.format->text()));
    else
        text += labelled("format", channel.device ? "none: payloads are published as bytes" : "the driver's");
    if (channel.event_names && !channel.event_names->empty())
        text += describe_names(*channel.event_names);
    if (channel.device)
        text += describe_decoding(channel.device->decoding);
    return text;
}

std::string describe_steps(const device::Settings& settings)
{
    std::string text;
    for (const device::SetupStep& step : settings.setup)
        text += labelled("setup", describe(step));
    for (const device::SetupStep& step : settings.rearm)
        text += labelled("rearm", describe(step));
    if (settings.eventfd_step)
        text += labelled("eventfd", describe(*settings.eventfd_step));
    if (settings.fetch)
        text += labelled("fetch", describe(device::SetupStep{.operation = *settings.fetch, .undo = nullptr}));
    return text;
}

}  // namespace drvbus::cli
