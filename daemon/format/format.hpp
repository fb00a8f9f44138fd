// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drvbus::format {

/// Type of one element of a field. Integers and floats are in the machine's byte order unless the conversion of the
/// field says otherwise. An element of `pairs` is a byte
/// of a text of lines KEY=VALUE.
enum class Type : std::uint8_t { u8, s8, u16, s16, u32, s32, u64, s64, f32, f64, boolean, character, pairs };

/// How many elements a field has.
enum class Shape : std::uint8_t {
    single,
    array,      ///< a fixed number
    rest,       ///< as many as the rest of the payload holds
    reference,  ///< any number; the field is a Reference to them
};

/// Who makes the payloads of a format.
enum class Source : std::uint8_t {
    driver,   ///< the payload is what the driver or the device sends
    pattern,  ///< a Pattern makes the payload from text, so any number of fields can have any number of elements
};

/// Size in bytes of one element of `type` in a payload.
[[nodiscard]] std::size_t size_of(Type type) noexcept;

/// How the number in a payload becomes the value of a field. The default is that it does not change.
struct Conversion {
    bool swapped{};        ///< the bytes of the number are in the opposite order of the machine's
    std::uint8_t shift{};  ///< of a bit field: number of its lowest bit
    std::uint8_t width{};  ///< of a bit field: number of its bits; 0: the field has all bits of its type
    bool scaled{};         ///< the value is the number * `factor` + `offset`
    double factor = 1;
    double offset = 0;
    std::map<std::int64_t, std::string> names{};  ///< of numbers; if there are any, the value is a name

    friend bool operator==(const Conversion&, const Conversion&) = default;
    /// Whether the value is the number, in the machine's byte order.
    [[nodiscard]] bool is_identity() const noexcept { return !swapped && width == 0 && !scaled && names.empty(); }
};

/// One named part of a payload.
struct Field {
    std::string name{};
    Type type{};
    Shape shape{};
    std::uint32_t count{};  ///< elements of Shape::array
    std::size_t offset{};   ///< bytes from the start of the payload
    bool padding{};         ///< its name begins with '_': it is not published
    Conversion conversion{};
    std::string signature{};  ///< D-Bus signature of its value, such as "u" or "an"; text that is no string is "ay"
};

/// The bytes of a field of Shape::reference in a payload. The elements follow the fields of a fixed size.
struct Reference {
    std::uint32_t offset;  ///< of the first element, from the start of the payload
    std::uint32_t size;    ///< of all elements, in bytes
};

/// Size in bytes of the field; 0 for Shape::rest.
[[nodiscard]] std::size_t size_of(const Field& field) noexcept;

/// The text of a format is not valid. Line and column begin at 1.
class ParseError : public std::runtime_error {
public:
    ParseError(std::size_t line, std::size_t column, const std::string& what_is_wrong);

    std::size_t line;
    std::size_t column;
};

/// Describes the fields of a payload (docs/formats.md defines the language). Immutable after `parse`. Copies share the
/// description, because a channel has several of them.
class Format {
public:
    enum class Kind : std::uint8_t {
        bytes,       ///< no format: the payload is published as `ay`
        parameters,  ///< "u32[]": numbers without field names, published as `au`
        fields,      ///< named fields, published as `a{sv}`
    };

    /// Of Kind::bytes.
    Format() : parsed_(without_description()) {}

    /// Parses `text`. If it is empty or only white space, the result is of Kind::bytes.
    /// @throws ParseError
    [[nodiscard]] static Format parse(std::string_view text, Source source = Source::driver);

    [[nodiscard]] Kind kind() const noexcept { return parsed_->kind; }
    [[nodiscard]] const std::string& text() const noexcept { return parsed_->text; }
    [[nodiscard]] const std::vector<Field>& fields() const noexcept { return parsed_->fields; }

    /// Whether a payload of `length` bytes has exactly these fields.
    [[nodiscard]] bool fits(std::size_t length) const noexcept;

    /// Size in bytes of all fields except one of Shape::rest. Fields of Shape::reference count without their elements.
    [[nodiscard]] std::size_t fixed_size() const noexcept { return parsed_->fixed_size; }
    /// Whether every payload has the same size.
    [[nodiscard]] bool has_fixed_size() const noexcept
    {
        return parsed_->kind == Kind::fields && parsed_->rest_unit == 0;
    }

    /// Why a payload of `length` bytes does not fit, in words for a message.
    [[nodiscard]] std::string explain_mismatch(std::size_t length) const;

    /// The bytes of `field` in `payload`, which must fit the format. A reference that points beyond the payload has no
    /// bytes.
    [[nodiscard]] static std::span<const std::byte> bytes_of(const Field& field, std::span<const std::byte> payload);

private:
    struct Parsed {
        Kind kind = Kind::bytes;
        std::string text;
        std::vector<Field> fields;
        std::size_t fixed_size = 0;  ///< bytes
        std::size_t rest_unit = 0;   ///< payloads are longer than fixed_size by a multiple of this; 0: they are not
    };

    explicit Format(std::shared_ptr<const Parsed> parsed) noexcept : parsed_(std::move(parsed)) {}
    [[nodiscard]] static const std::shared_ptr<const Parsed>& without_description();
    [[nodiscard]] std::string accepted_sizes() const;

    std::shared_ptr<const Parsed> parsed_;  ///< not null

    friend class Parser;
};

}  // namespace drvbus::format
