// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message_text.hpp"

#include <cstdint>
#include <stdexcept>

#include <fmt/format.h>

#include "base/errno.hpp"
#include "base/event_loop.hpp"

namespace drvbus::test {

namespace {

template <typename T>
T read(sd_bus_message* message, char type)
{
    T value{};
    check(sd_bus_message_read_basic(message, type, &value), "sd_bus_message_read_basic");
    return value;
}

std::string basic_text(sd_bus_message* message, char type)
{
    switch (type) {
    case 'y':
        return fmt::format("y{}", read<std::uint8_t>(message, type));
    case 'n':
        return fmt::format("n{}", read<std::int16_t>(message, type));
    case 'q':
        return fmt::format("q{}", read<std::uint16_t>(message, type));
    case 'i':
        return fmt::format("i{}", read<std::int32_t>(message, type));
    case 'u':
        return fmt::format("u{}", read<std::uint32_t>(message, type));
    case 'x':
        return fmt::format("x{}", read<std::int64_t>(message, type));
    case 't':
        return fmt::format("t{}", read<std::uint64_t>(message, type));
    case 'd':
        return fmt::format("d{}", read<double>(message, type));
    case 'b':
        return read<int>(message, type) != 0 ? "true" : "false";
    case 's':
        return fmt::format("\"{}\"", read<const char*>(message, type));
    default:
        throw std::invalid_argument(fmt::format("values of type '{}' are not supported here", type));
    }
}

/// The values up to the end of the message or of the container that has been entered.
std::string values_text(sd_bus_message* message)
{
    std::string text;
    char type = 0;
    const char* contents = nullptr;
    while (check(sd_bus_message_peek_type(message, &type, &contents), "sd_bus_message_peek_type") > 0) {
        text += text.empty() ? "" : " ";
        if (contents == nullptr) {
            text += basic_text(message, type);
            continue;
        }
        check(sd_bus_message_enter_container(message, type, contents), "sd_bus_message_enter_container");
        const std::string array_type = fmt::format("a{}", contents);
        const std::string values = values_text(message);
        check(sd_bus_message_exit_container(message), "sd_bus_message_exit_container");
        if (type == SD_BUS_TYPE_VARIANT)
            text += fmt::format("<{}>", values);
        else if (type == SD_BUS_TYPE_ARRAY)
            text += fmt::format("{}[{}]", array_type, values);
        else if (type == SD_BUS_TYPE_DICT_ENTRY)
            text += fmt::format("{{{}}}", values);
        else
            text += fmt::format("({})", values);
    }
    return text;
}

}  // namespace

std::string text_of(sd_bus_message* message)
{
    check(sd_bus_message_rewind(message, 1), "sd_bus_message_rewind");
    return values_text(message);
}

void seal(sd_bus_message* message)
{
    check(sd_bus_message_seal(message, 1, 0), "sd_bus_message_seal");
}

}  // namespace drvbus::test
