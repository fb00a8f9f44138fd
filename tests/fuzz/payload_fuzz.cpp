// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is a format, terminated by a NUL; a byte of options; the payload. The fuzzer encodes an event and reads the
// message again.
#include "base/errno.hpp"
#include "bus/event_message.hpp"

#include <cmath>
#include <vector>

#include <linux/drvbus.h>
#include <sys/socket.h>

#include "base/event_loop.hpp"
#include "input.hpp"

namespace drvbus::fuzz {

using bus::EventEncoder;
using bus::Message;
using bus::MessageContext;
using format::Field;
using format::Format;
using format::Shape;
using format::Type;

namespace {

enum Options : std::uint8_t { kFitting = 1, kNamed = 2, kPattern = 4 };

/// A connection that never sends anything: sd-bus needs one to create a message.
sd_bus* connection()
{
    static sd_bus* const kBus = [] {
        int ends[2];
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), "socketpair");
        sd_bus* bus = nullptr;
        check(sd_bus_new(&bus), "sd_bus_new");
        check(sd_bus_set_fd(bus, ends[0], ends[0]), "sd_bus_set_fd");
        check(sd_bus_start(bus), "sd_bus_start");
        return bus;
    }();
    return kBus;
}

/// Reads a message as a subscriber does.
class Subscriber {
public:
    explicit Subscriber(sd_bus_message* message) : message_(message) {}

    template <typename Value>
    Value basic(char type)
    {
        Value value{};
        expect(sd_bus_message_read_basic(message_, type, &value) > 0, "the message has a value of the expected type");
        return value;
    }

    std::span<const std::byte> array(char type)
    {
        const void* data = nullptr;
        std::size_t size = 0;
        expect(sd_bus_message_read_array(message_, type, &data, &size) >= 0,
               "the message has an array of the expected type");
        return {static_cast<const std::byte*>(data), size};
    }

    /// Whether the next value is a container of this type.
    bool peek(char type, const char* contents) { return sd_bus_message_verify_type(message_, type, contents) > 0; }

    void enter(char type, const char* contents)
    {
        expect(sd_bus_message_enter_container(message_, type, contents) > 0,
               "the message has a container of the expected type");
    }

    void leave() { expect(sd_bus_message_exit_container(message_) > 0, "the container ends"); }

    void end() { expect(sd_bus_message_at_end(message_, 1) > 0, "the message ends"); }

private:
    sd_bus_message* message_;
};

bool same_bytes(std::span<const std::byte> one, std::span<const std::byte> other)
{
    return std::ranges::equal(one, other);
}

template <typename Value>
Value load(std::span<const std::byte> bytes)
{
    Value value{};
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
}

/// Checks a field of type char: a string, or all of its bytes if they are no string.
void check_text(Subscriber& subscriber, const Field& field, std::span<const std::byte> bytes)
{
    std::string_view sent = as_text(bytes);
    if (field.shape != Shape::rest && field.shape != Shape::reference)
        sent = sent.substr(0, sent.find('\0'));
    if (subscriber.peek('v', "s")) {
        subscriber.enter('v', "s");
        expect(subscriber.basic<const char*>('s') == sent, "a text is unchanged");
        subscriber.leave();
        return;
    }
    expect(!std::ranges::all_of(sent, [](char c) { return c > 0; }), "ASCII text is a string");
    subscriber.enter('v', "ay");
    expect(same_bytes(subscriber.array('y'), bytes), "bytes that are no text are unchanged");
    subscriber.leave();
}

/// Checks a field of type pairs: a dictionary, or all of its bytes if a key or a value is no string.
void check_pairs(Subscriber& subscriber, std::span<const std::byte> bytes)
{
    const std::string_view sent = as_text(bytes);
    if (!subscriber.peek('v', "a{ss}")) {
        expect(!std::ranges::all_of(sent, [](char c) { return c >= 0; }), "ASCII text is a dictionary");
        subscriber.enter('v', "ay");
        expect(same_bytes(subscriber.array('y'), bytes), "bytes that are no text are unchanged");
        subscriber.leave();
        return;
    }
    subscriber.enter('v', "a{ss}");
    subscriber.enter('a', "{ss}");
    while (subscriber.peek('e', "ss")) {
        subscriber.enter('e', "ss");
        expect(sent.find(subscriber.basic<const char*>('s')) != std::string_view::npos, "a key is unchanged");
        expect(sent.find(subscriber.basic<const char*>('s')) != std::string_view::npos, "a value is unchanged");
        subscriber.leave();
    }
    subscriber.leave();
    subscriber.leave();
}

/// Checks an element whose D-Bus type is wider.
void check_widened(Subscriber& subscriber, Type type, std::span<const std::byte> bytes)
{
    if (type == Type::s8) {
        expect(subscriber.basic<std::int16_t>('n') == load<std::int8_t>(bytes), "an s8 is unchanged");
    } else if (type == Type::f32) {
        const auto got = subscriber.basic<double>('d');
        const auto sent = static_cast<double>(load<float>(bytes));
        expect(got == sent || (std::isnan(got) && std::isnan(sent)), "an f32 is unchanged");
    } else {
        expect(subscriber.basic<int>('b') == (load<std::uint8_t>(bytes) != 0 ? 1 : 0),
               "a bool is true for any byte but 0");
    }
}

bool widened(Type type)
{
    return type == Type::s8 || type == Type::f32 || type == Type::boolean;
}

void check_value(Subscriber& subscriber, const Field& field, std::span<const std::byte> bytes)
{
    const char type = field.signature.back();
    if (widened(field.type)) {
        if (field.shape != Shape::single)
            subscriber.enter('a', &field.signature[1]);
        for (std::size_t at = 0; at < bytes.size(); at += size_of(field.type))
            check_widened(subscriber, field.type, bytes.subspan(at));
        if (field.shape != Shape::single)
            subscriber.leave();
    } else if (field.shape == Shape::single) {
        const auto got = subscriber.basic<std::uint64_t>(type);
        expect(same_bytes(std::as_bytes(std::span(&got, 1)).first(bytes.size()), bytes), "a number is unchanged");
    } else {
        expect(same_bytes(subscriber.array(type), bytes), "an array is unchanged");
    }
}

/// Checks an element of a field whose value is not the number in the payload.
void check_converted(Subscriber& subscriber, const Field& field, std::span<const std::byte> bytes)
{
    const char type = field.signature.back();
    if (type == 's') {
        expect(*subscriber.basic<const char*>(type) != '\0', "a number has a name, or its digits");
        return;
    }
    const auto got = subscriber.basic<std::uint64_t>(type);
    if (type == 'd' && field.conversion.scaled)
        return;
    std::vector<std::byte> sent(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size_of(field.type)));
    if (field.conversion.swapped)
        std::ranges::reverse(sent);
    if (field.conversion.width == 0 && type != 'd')
        expect(same_bytes(std::as_bytes(std::span(&got, 1)).first(sent.size()), sent), "a number is unchanged");
}

void check_converted_variant(Subscriber& subscriber, const Field& field, std::span<const std::byte> bytes)
{
    subscriber.enter('v', field.signature.c_str());
    if (field.shape != Shape::single)
        subscriber.enter('a', &field.signature[1]);
    for (std::size_t at = 0; at < bytes.size(); at += size_of(field.type))
        check_converted(subscriber, field, bytes.subspan(at));
    if (field.shape != Shape::single)
        subscriber.leave();
    subscriber.leave();
}

void check_variant(Subscriber& subscriber, const Field& field, std::span<const std::byte> bytes)
{
    if (field.type == Type::character) {
        check_text(subscriber, field, bytes);
        return;
    }
    if (field.type == Type::pairs) {
        check_pairs(subscriber, bytes);
        return;
    }
    if (!field.conversion.is_identity()) {
        check_converted_variant(subscriber, field, bytes);
        return;
    }
    subscriber.enter('v', field.signature.c_str());
    check_value(subscriber, field, bytes);
    subscriber.leave();
}

void check_fields(Subscriber& subscriber, const Format& format, std::span<const std::byte> payload)
{
    subscriber.enter('a', "{sv}");
    for (const Field& field : format.fields()) {
        if (field.padding)
            continue;
        subscriber.enter('e', "sv");
        expect(subscriber.basic<const char*>('s') == field.name, "fields are in order");
        check_variant(subscriber, field, Format::bytes_of(field, payload));
        subscriber.leave();
    }
    subscriber.leave();
}

void check_data(Subscriber& subscriber, const Format& format, std::span<const std::byte> payload)
{
    const Format::Kind kind = format.fits(payload.size()) ? format.kind() : Format::Kind::bytes;
    if (kind == Format::Kind::fields) {
        subscriber.enter('v', "a{sv}");
        check_fields(subscriber, format, payload);
    } else {
        const char type = kind == Format::Kind::bytes ? 'y' : 'u';
        subscriber.enter('v', kind == Format::Kind::bytes ? "ay" : "au");
        expect(same_bytes(subscriber.array(type), payload), "the payload is unchanged");
    }
    subscriber.leave();
}

void check_message(sd_bus_message* message, const MessageContext& channel, const record::Event& event)
{
    expect(sd_bus_message_seal(message, 1, 0) >= 0, "the message can be sent");
    expect(std::strcmp(sd_bus_message_get_signature(message, 1), EventEncoder::kSignature) == 0,
           "the signature is that of an event");
    Subscriber subscriber(message);
    const auto named = channel.event_names.find(event.id);
    std::string name = named == channel.event_names.end() ? std::to_string(event.id) : named->second;
    if (!channel.format.fits(event.payload.size()))
        name = record::kMismatchName;
    expect(subscriber.basic<const char*>('s') == name, "an event has its name, its id as text, or that of a mismatch");
    expect(subscriber.basic<std::uint64_t>('t') == event.sequence, "the sequence is unchanged");
    expect(subscriber.basic<std::uint64_t>('t') == event.time_ns, "the time is unchanged");
    expect(subscriber.basic<std::uint32_t>('u') == event.id, "the id is unchanged");
    check_data(subscriber, channel.format, event.payload);
    subscriber.end();
}

/// Changes the size of the payload so that it fits the format: few random payloads do.
void make_fit(std::string& payload, const Format& format)
{
    if (format.kind() == Format::Kind::parameters)
        payload.resize(payload.size() / 4 * 4);
    if (format.kind() != Format::Kind::fields)
        return;
    if (!format.has_fixed_size())
        payload.resize(std::max(payload.size(), format.fixed_size()));
    const Field& last = format.fields().back();
    const std::size_t unit = size_of(last.type);
    if (last.shape == Shape::rest)
        payload.resize(last.offset + (std::max(payload.size(), last.offset) - last.offset) / unit * unit);
    else if (format.has_fixed_size())
        payload.resize(last.offset + unit * (last.shape == Shape::single ? 1 : last.count));
    expect(format.fits(payload.size()), "a payload of the format's size fits");
}

void publish(const MessageContext& channel, const record::Event& event)
{
    static EventEncoder encoder;
    sd_bus_message* raw = nullptr;
    check(sd_bus_message_new_signal(connection(), &raw, "/org/drvbus1/channel/fuzz", "org.drvbus1.Channel", "Event"),
          "sd_bus_message_new_signal");
    const Message message(raw);
    const bool fits = encoder.append_event(raw, channel, event);
    expect(fits == channel.format.fits(event.payload.size()), "the encoder reports whether the payload fits");
    check_message(raw, channel, event);
}

}  // namespace

void run(Input input)
{
    MessageContext channel;
    const std::string_view format = input.text_until('\0');
    const auto options = input.number<std::uint8_t>();
    try {
        channel.format =
            Format::parse(format, (options & kPattern) != 0 ? format::Source::pattern : format::Source::driver);
    } catch (const format::ParseError&) {
        return;
    }
    record::Event event{};
    event.id = options / 4U * 0x3fff'ffffU;
    event.sequence = event.id * std::uint64_t{event.id} + 1;
    event.time_ns = ~event.sequence;
    if ((options & kNamed) != 0)
        channel.event_names = {{event.id, "beat"}};
    std::string payload(input.rest());
    if ((options & kFitting) != 0)
        make_fit(payload, channel.format);
    event.payload = as_bytes(payload);
    publish(channel, event);
}

}  // namespace drvbus::fuzz
