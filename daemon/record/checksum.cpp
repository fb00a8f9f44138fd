// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/checksum.hpp"

#include <algorithm>
#include <array>

#include <boost/crc.hpp>

namespace drvbus::record {

namespace {

enum class Method : std::uint8_t { none, sum, exclusive_or, crc };

struct Algorithm {
    std::string_view name;
    Method method;
    std::uint8_t size;  // of the checksum in bytes
    // The parameters of a CRC as in the catalogue, whose "refin" and "refout" are equal for all of these.
    std::uint32_t polynomial = 0;
    std::uint32_t initial = 0;
    bool reflected = false;
    std::uint32_t final_xor = 0;
};

// New ones are appended: the checkpoint stores indices.
constexpr std::array kAlgorithms = std::to_array<Algorithm>({
    {"", Method::none, 0},
    {"sum8", Method::sum, 1},
    {"sum16", Method::sum, 2},
    {"xor8", Method::exclusive_or, 1},
    {"CRC-8/AUTOSAR", Method::crc, 1, 0x2f, 0xff, false, 0xff},
    {"CRC-8/BLUETOOTH", Method::crc, 1, 0xa7, 0x00, true, 0x00},
    {"CRC-8/CDMA2000", Method::crc, 1, 0x9b, 0xff, false, 0x00},
    {"CRC-8/DARC", Method::crc, 1, 0x39, 0x00, true, 0x00},
    {"CRC-8/DVB-S2", Method::crc, 1, 0xd5, 0x00, false, 0x00},
    {"CRC-8/GSM-A", Method::crc, 1, 0x1d, 0x00, false, 0x00},
    {"CRC-8/GSM-B", Method::crc, 1, 0x49, 0x00, false, 0xff},
    {"CRC-8/HITAG", Method::crc, 1, 0x1d, 0xff, false, 0x00},
    {"CRC-8/I-432-1", Method::crc, 1, 0x07, 0x00, false, 0x55},
    {"CRC-8/I-CODE", Method::crc, 1, 0x1d, 0xfd, false, 0x00},
    {"CRC-8/LTE", Method::crc, 1, 0x9b, 0x00, false, 0x00},
    {"CRC-8/MAXIM-DOW", Method::crc, 1, 0x31, 0x00, true, 0x00},
    {"CRC-8/MIFARE-MAD", Method::crc, 1, 0x1d, 0xc7, false, 0x00},
    {"CRC-8/NRSC-5", Method::crc, 1, 0x31, 0xff, false, 0x00},
    {"CRC-8/OPENSAFETY", Method::crc, 1, 0x2f, 0x00, false, 0x00},
    {"CRC-8/ROHC", Method::crc, 1, 0x07, 0xff, true, 0x00},
    {"CRC-8/SAE-J1850", Method::crc, 1, 0x1d, 0xff, false, 0xff},
    {"CRC-8/SMBUS", Method::crc, 1, 0x07, 0x00, false, 0x00},
    {"CRC-8/TECH-3250", Method::crc, 1, 0x1d, 0xff, true, 0x00},
    {"CRC-8/WCDMA", Method::crc, 1, 0x9b, 0x00, true, 0x00},
    {"CRC-16/ARC", Method::crc, 2, 0x8005, 0x0000, true, 0x0000},
    {"CRC-16/CDMA2000", Method::crc, 2, 0xc867, 0xffff, false, 0x0000},
    {"CRC-16/CMS", Method::crc, 2, 0x8005, 0xffff, false, 0x0000},
    {"CRC-16/DDS-110", Method::crc, 2, 0x8005, 0x800d, false, 0x0000},
    {"CRC-16/DECT-R", Method::crc, 2, 0x0589, 0x0000, false, 0x0001},
    {"CRC-16/DECT-X", Method::crc, 2, 0x0589, 0x0000, false, 0x0000},
    {"CRC-16/DNP", Method::crc, 2, 0x3d65, 0x0000, true, 0xffff},
    {"CRC-16/EN-13757", Method::crc, 2, 0x3d65, 0x0000, false, 0xffff},
    {"CRC-16/GENIBUS", Method::crc, 2, 0x1021, 0xffff, false, 0xffff},
    {"CRC-16/GSM", Method::crc, 2, 0x1021, 0x0000, false, 0xffff},
    {"CRC-16/IBM-3740", Method::crc, 2, 0x1021, 0xffff, false, 0x0000},
    {"CRC-16/IBM-SDLC", Method::crc, 2, 0x1021, 0xffff, true, 0xffff},
    {"CRC-16/ISO-IEC-14443-3-A", Method::crc, 2, 0x1021, 0xc6c6, true, 0x0000},
    {"CRC-16/KERMIT", Method::crc, 2, 0x1021, 0x0000, true, 0x0000},
    {"CRC-16/LJ1200", Method::crc, 2, 0x6f63, 0x0000, false, 0x0000},
    {"CRC-16/MAXIM-DOW", Method::crc, 2, 0x8005, 0x0000, true, 0xffff},
    {"CRC-16/MCRF4XX", Method::crc, 2, 0x1021, 0xffff, true, 0x0000},
    {"CRC-16/MODBUS", Method::crc, 2, 0x8005, 0xffff, true, 0x0000},
    {"CRC-16/NRSC-5", Method::crc, 2, 0x080b, 0xffff, true, 0x0000},
    {"CRC-16/OPENSAFETY-A", Method::crc, 2, 0x5935, 0x0000, false, 0x0000},
    {"CRC-16/OPENSAFETY-B", Method::crc, 2, 0x755b, 0x0000, false, 0x0000},
    {"CRC-16/PROFIBUS", Method::crc, 2, 0x1dcf, 0xffff, false, 0xffff},
    {"CRC-16/RIELLO", Method::crc, 2, 0x1021, 0xb2aa, true, 0x0000},
    {"CRC-16/SPI-FUJITSU", Method::crc, 2, 0x1021, 0x1d0f, false, 0x0000},
    {"CRC-16/T10-DIF", Method::crc, 2, 0x8bb7, 0x0000, false, 0x0000},
    {"CRC-16/TELEDISK", Method::crc, 2, 0xa097, 0x0000, false, 0x0000},
    {"CRC-16/TMS37157", Method::crc, 2, 0x1021, 0x89ec, true, 0x0000},
    {"CRC-16/UMTS", Method::crc, 2, 0x8005, 0x0000, false, 0x0000},
    {"CRC-16/USB", Method::crc, 2, 0x8005, 0xffff, true, 0xffff},
    {"CRC-16/XMODEM", Method::crc, 2, 0x1021, 0x0000, false, 0x0000},
    {"CRC-32/AIXM", Method::crc, 4, 0x814141ab, 0x00000000, false, 0x00000000},
    {"CRC-32/AUTOSAR", Method::crc, 4, 0xf4acfb13, 0xffffffff, true, 0xffffffff},
    {"CRC-32/BASE91-D", Method::crc, 4, 0xa833982b, 0xffffffff, true, 0xffffffff},
    {"CRC-32/BZIP2", Method::crc, 4, 0x04c11db7, 0xffffffff, false, 0xffffffff},
    {"CRC-32/CD-ROM-EDC", Method::crc, 4, 0x8001801b, 0x00000000, true, 0x00000000},
    {"CRC-32/CKSUM", Method::crc, 4, 0x04c11db7, 0x00000000, false, 0xffffffff},
    {"CRC-32/ISCSI", Method::crc, 4, 0x1edc6f41, 0xffffffff, true, 0xffffffff},
    {"CRC-32/ISO-HDLC", Method::crc, 4, 0x04c11db7, 0xffffffff, true, 0xffffffff},
    {"CRC-32/JAMCRC", Method::crc, 4, 0x04c11db7, 0xffffffff, true, 0x00000000},
    {"CRC-32/MEF", Method::crc, 4, 0x741b8cd7, 0xffffffff, true, 0x00000000},
    {"CRC-32/MPEG-2", Method::crc, 4, 0x04c11db7, 0xffffffff, false, 0x00000000},
    {"CRC-32/XFER", Method::crc, 4, 0x000000af, 0x00000000, false, 0x00000000},
});

const Algorithm& algorithm_of(Checksum checksum) noexcept
{
    return kAlgorithms[is_checksum(checksum) ? static_cast<std::size_t>(checksum) : 0];
}

template <std::size_t kBits>
std::uint32_t crc(const Algorithm& algorithm, std::span<const std::byte> bytes)
{
    using Value = typename boost::crc_basic<kBits>::value_type;
    const auto narrow = [](std::uint32_t value) { return static_cast<Value>(value); };
    boost::crc_basic<kBits> computer(narrow(algorithm.polynomial), narrow(algorithm.initial),
                                     narrow(algorithm.final_xor), algorithm.reflected, algorithm.reflected);
    computer.process_bytes(bytes.data(), bytes.size());
    return static_cast<std::uint32_t>(computer.checksum());
}

}  // namespace

std::vector<std::string_view> checksum_names()
{
    std::vector<std::string_view> names;
    for (const Algorithm& algorithm : kAlgorithms) {
        if (algorithm.method != Method::none)
            names.push_back(algorithm.name);
    }
    return names;
}

std::optional<Checksum> checksum_called(std::string_view name)
{
    const auto found = std::ranges::find(kAlgorithms, name, &Algorithm::name);
    if (found == kAlgorithms.end() || found->method == Method::none)
        return std::nullopt;
    return static_cast<Checksum>(found - kAlgorithms.begin());
}

bool is_checksum(Checksum checksum) noexcept
{
    return static_cast<std::size_t>(checksum) < kAlgorithms.size();
}

std::string_view name_of(Checksum checksum) noexcept
{
    return algorithm_of(checksum).name;
}

std::size_t size_of(Checksum checksum) noexcept
{
    return algorithm_of(checksum).size;
}

std::uint32_t compute(Checksum checksum, std::span<const std::byte> bytes)
{
    const Algorithm& algorithm = algorithm_of(checksum);
    std::uint32_t value = 0;
    switch (algorithm.method) {
    case Method::sum:
        for (const std::byte byte : bytes)
            value += std::to_integer<std::uint32_t>(byte);
        return algorithm.size == 1 ? value & 0xffU : value & 0xffffU;
    case Method::exclusive_or:
        for (const std::byte byte : bytes)
            value ^= std::to_integer<std::uint32_t>(byte);
        return value;
    case Method::crc:
        if (algorithm.size == 1)
            return crc<8>(algorithm, bytes);
        return algorithm.size == 2 ? crc<16>(algorithm, bytes) : crc<32>(algorithm, bytes);
    default:
        return 0;
    }
}

}  // namespace drvbus::record
