// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/setup_steps.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace drvbus::config {

namespace {

using device::FieldsStep;
using device::IoctlStep;
using device::SeekEndStep;
using device::WriteStep;

const Names kStepKeys{"ioctl",  "value", "format", "values", "returns", "keep", "restore", "refuse",
                      "reason", "write", "to",     "at",     "seek",    "undo", "when",    "unless"};

format::Value value_of(const toml::node& node)
{
    if (const auto* const number = node.as_integer())
        return number->get();
    if (const auto* const number = node.as_floating_point())
        return number->get();
    if (const auto* const truth = node.as_boolean())
        return truth->get();
    if (const auto* const text = node.as_string())
        return text->get();
    std::vector<std::int64_t> list;
    if (!node.is_array())
        fail(node, fmt::format("a value is a number, a string, true or false, or an array of whole numbers, not {}",
                               type_name(node)));
    for (const toml::node& element : *node.as_array()) {
        if (!element.is_integer())
            fail(element, fmt::format("an array of values has whole numbers, not {}", type_name(element)));
        list.push_back(element.as_integer()->get());
    }
    return list;
}

/// Replaces the placeholders of file descriptors by a number, so that the values can be checked before there are file
/// descriptors.
std::map<std::string, format::Value> with_example_fds(std::map<std::string, format::Value> values)
{
    for (auto& [name, value] : values) {
        if (value == format::Value(std::string("{device}")) || value == format::Value(std::string("{eventfd}")))
            value = std::int64_t{0};
    }
    return values;
}

std::map<std::string, format::Value> read_values(const Table& table, const format::Format& format)
{
    std::map<std::string, format::Value> values;
    const toml::table* const given = table.table("values");
    if (given == nullptr)
        return values;
    for (const auto& [name, node] : *given)
        values.emplace(name.str(), value_of(node));
    try {
        (void)format::encode(format, with_example_fds(values));
    } catch (const format::EncodeError& error) {
        const toml::node& node = *given->get(error.field);
        fail(has_source_location(node) ? node : table.own(),
             fmt::format("the value of \"{}\" is wrong: {}", error.field, error.what()));
    }
    return values;
}

format::Format read_format(const Table& table)
{
    try {
        return format::Format::parse(*table.string("format"));
    } catch (const format::ParseError& error) {
        table.fail("format", fmt::format("the format has an error in {}", error.what()));
    }
}

/// Reads the name of a field of the format; empty if the table has no `key`.
/// @param integer the field must be one integer
std::string read_field(const Table& table, std::string_view key, const std::optional<format::Format>& format,
                       bool integer)
{
    const std::optional<std::string> name = table.string(key);
    if (!name)
        return {};
    if (!format)
        table.fail(key, fmt::format("'{}' names a field of the step's 'format', so the step also needs 'format'", key));
    const auto field = std::ranges::find(format->fields(), *name, &format::Field::name);
    if (field == format->fields().end())
        table.fail(key, fmt::format("the format has no field \"{}\"", *name));
    if (field->shape == format::Shape::rest ||
        (integer && (field->shape != format::Shape::single || !format::is_integer(field->type))))
        table.fail(key, fmt::format("\"{}\" has to be {}", *name, integer ? "one integer" : "of a known size"));
    return *name;
}

void read_refused_bits(const Table& table, IoctlStep& step)
{
    constexpr std::int64_t kMaxBits = 8 * std::int64_t{16384};  // of the largest struct that an ioctl number can encode
    const toml::array* const bits = table.array("refuse");
    if (bits == nullptr)
        return;
    for (const toml::node& bit : *bits) {
        const auto* const number = bit.as_integer();
        if (number == nullptr || number->get() < 0 || number->get() >= kMaxBits)
            table.fail("refuse", "'refuse' must contain numbers of bits of the struct");
        step.refused_bits.push_back(static_cast<std::uint32_t>(number->get()));
    }
    const auto reason = table.string("reason");
    if (!reason)
        table.fail("refuse", "'refuse' needs a 'reason', which is shown to the user");
    step.refused_reason = *reason;
}

IoctlStep read_ioctl(const Table& table)
{
    IoctlStep step;
    step.request =
        static_cast<std::uint64_t>(table.integer("ioctl", 0, std::numeric_limits<std::uint32_t>::max()).value());
    step.value = table.integer("value").value_or(0);
    if (table.has("format")) {
        if (table.has("value"))
            table.fail("value", "an ioctl takes a 'value' or a struct with a 'format', not both");
        step.format = read_format(table);
        step.values = read_values(table, *step.format);
    } else if (table.has("values")) {
        table.fail("values", "'values' is only valid with 'format'");
    }
    step.returned_fd = read_field(table, "returns", step.format, true);
    step.prefix_field = read_field(table, "keep", step.format, false);
    step.restored_from =
        static_cast<std::uint64_t>(table.integer("restore", 1, std::numeric_limits<std::uint32_t>::max()).value_or(0));
    if (step.restored_from != 0 && !step.format)
        table.fail("restore", "'restore' reads a struct, so the step also needs 'format'");
    read_refused_bits(table, step);
    return step;
}

/// Reads the bytes to write.
std::string read_bytes(const Table& table)
{
    const toml::node& node = *table.get("write");
    if (const auto* const text = node.as_string())
        return text->get();
    std::string bytes;
    if (node.is_array()) {
        for (const toml::node& element : *node.as_array()) {
            const auto* const byte = element.as_integer();
            if (byte == nullptr || byte->get() < 0 || byte->get() > 255)
                table.fail("write", "'write' must contain bytes from 0 to 255");
            bytes.push_back(static_cast<char>(byte->get()));
        }
    }
    if (bytes.empty())
        table.fail("write", "'write' is a string, or an array of bytes such as [0, 255]");
    return bytes;
}

WriteStep read_write(const Table& table)
{
    WriteStep step;
    step.text = read_bytes(table);
    step.to = table.string("to").value_or("");
    step.at = table.integer("at", 0, std::numeric_limits<std::int64_t>::max());
    if (!step.to.empty() && !step.to.starts_with('/') && !step.to.starts_with("{sysfs}/"))
        table.fail("to",
                   fmt::format("'to' cannot be \"{}\"; it is an absolute path, or begins with {{sysfs}}/", step.to));
    return step;
}

/// Evaluates the condition in `key`: 0, an empty string and false are false. An array of two strings is true if they
/// are equal. None if there is no such key.
std::optional<bool> condition(const Table& table, std::string_view key)
{
    const toml::node* const node = table.get(key);
    if (node == nullptr)
        return std::nullopt;
    if (const auto* const number = node->as_integer())
        return number->get() != 0;
    if (const auto* const text = node->as_string())
        return !text->get().empty();
    if (!node->is_array())
        return table.boolean(key);
    const std::vector<std::string> texts = table.strings(key);
    if (texts.size() != 2)
        table.fail(key, fmt::format("'{}' compares two strings, such as [\"{{parameter}}\", \"on\"]", key));
    return texts[0] == texts[1];
}

device::SetupStep read_setup_step(const Table& table)
{
    table.check_keys(kStepKeys, "a step");
    device::SetupStep step;
    if (table.has("ioctl"))
        step.operation = read_ioctl(table);
    else if (table.has("write"))
        step.operation = read_write(table);
    else if (table.has("seek") && table.choice("seek", {"end"}))
        step.operation = SeekEndStep{};
    else if (table.has("format")) {
        FieldsStep fields{read_format(table), {}};
        fields.values = read_values(table, fields.format);
        step.operation = std::move(fields);
    } else
        fail(table.own(), "a step has an 'ioctl', a 'write', a 'seek', or a 'format' with 'values'");
    if (auto undo = read_step(table, "undo"))
        step.undo = std::make_shared<const device::SetupStep>(std::move(*undo));
    return step;
}

}  // namespace

std::vector<device::SetupStep> read_steps(const Table& table, std::string_view key)
{
    std::vector<device::SetupStep> steps;
    const toml::array* const array = table.array(key);
    if (array == nullptr)
        return steps;
    for (const toml::node& node : *array) {
        if (!node.is_table())
            table.fail(key, fmt::format("'{}' has steps, which are tables in {{ }}, not {}", key, type_name(node)));
        const Table step(*node.as_table());
        const bool wanted = condition(step, "when").value_or(true) && !condition(step, "unless").value_or(false);
        device::SetupStep setup_step = read_setup_step(step);  // a step that does not run is checked as well
        if (wanted)
            steps.push_back(std::move(setup_step));
    }
    return steps;
}

std::optional<device::SetupStep> read_step(const Table& table, std::string_view key)
{
    const toml::table* const step = table.table(key);
    return step == nullptr ? std::nullopt : std::optional(read_setup_step(Table(*step)));
}

std::size_t payload_prefix_size(const std::vector<device::SetupStep>& steps)
{
    std::size_t size = 0;
    for (const device::SetupStep& step : steps) {
        if (const auto* const fields = std::get_if<FieldsStep>(&step.operation)) {
            size += format::encode(fields->format, with_example_fds(fields->values)).size();
        } else if (const auto* const ioctl = std::get_if<IoctlStep>(&step.operation);
                   ioctl && !ioctl->prefix_field.empty()) {
            const auto field = std::ranges::find(ioctl->format->fields(), ioctl->prefix_field, &format::Field::name);
            size += format::size_of(*field);
        }
    }
    return size;
}

std::size_t setup_state_size(const std::vector<device::SetupStep>& steps)
{
    std::size_t size = payload_prefix_size(steps);
    for (const device::SetupStep& step : steps) {
        const auto* const ioctl = std::get_if<IoctlStep>(&step.operation);
        size += sizeof(std::uint32_t);  // the size of the struct, also if there is none
        if (ioctl != nullptr && ioctl->restored_from != 0)
            size += ioctl->format->fixed_size();
    }
    return size;
}

}  // namespace drvbus::config
