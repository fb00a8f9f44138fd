// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/checksum.hpp"

#include <array>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/record.hpp"

namespace drvbus::test {
namespace {

using record::checksum_called;
using record::compute;

struct Check {
    std::string_view name;
    std::uint32_t value;
};

/// The checksums of "123456789": the values "check" of the CRC RevEng catalogue, and the sums of these bytes.
constexpr std::array kChecks = std::to_array<Check>({
    {"sum8", 0xdd},
    {"sum16", 0x01dd},
    {"xor8", 0x31},
    {"CRC-8/AUTOSAR", 0xdf},
    {"CRC-8/BLUETOOTH", 0x26},
    {"CRC-8/CDMA2000", 0xda},
    {"CRC-8/DARC", 0x15},
    {"CRC-8/DVB-S2", 0xbc},
    {"CRC-8/GSM-A", 0x37},
    {"CRC-8/GSM-B", 0x94},
    {"CRC-8/HITAG", 0xb4},
    {"CRC-8/I-432-1", 0xa1},
    {"CRC-8/I-CODE", 0x7e},
    {"CRC-8/LTE", 0xea},
    {"CRC-8/MAXIM-DOW", 0xa1},
    {"CRC-8/MIFARE-MAD", 0x99},
    {"CRC-8/NRSC-5", 0xf7},
    {"CRC-8/OPENSAFETY", 0x3e},
    {"CRC-8/ROHC", 0xd0},
    {"CRC-8/SAE-J1850", 0x4b},
    {"CRC-8/SMBUS", 0xf4},
    {"CRC-8/TECH-3250", 0x97},
    {"CRC-8/WCDMA", 0x25},
    {"CRC-16/ARC", 0xbb3d},
    {"CRC-16/CDMA2000", 0x4c06},
    {"CRC-16/CMS", 0xaee7},
    {"CRC-16/DDS-110", 0x9ecf},
    {"CRC-16/DECT-R", 0x007e},
    {"CRC-16/DECT-X", 0x007f},
    {"CRC-16/DNP", 0xea82},
    {"CRC-16/EN-13757", 0xc2b7},
    {"CRC-16/GENIBUS", 0xd64e},
    {"CRC-16/GSM", 0xce3c},
    {"CRC-16/IBM-3740", 0x29b1},
    {"CRC-16/IBM-SDLC", 0x906e},
    {"CRC-16/ISO-IEC-14443-3-A", 0xbf05},
    {"CRC-16/KERMIT", 0x2189},
    {"CRC-16/LJ1200", 0xbdf4},
    {"CRC-16/MAXIM-DOW", 0x44c2},
    {"CRC-16/MCRF4XX", 0x6f91},
    {"CRC-16/MODBUS", 0x4b37},
    {"CRC-16/NRSC-5", 0xa066},
    {"CRC-16/OPENSAFETY-A", 0x5d38},
    {"CRC-16/OPENSAFETY-B", 0x20fe},
    {"CRC-16/PROFIBUS", 0xa819},
    {"CRC-16/RIELLO", 0x63d0},
    {"CRC-16/SPI-FUJITSU", 0xe5cc},
    {"CRC-16/T10-DIF", 0xd0db},
    {"CRC-16/TELEDISK", 0x0fb3},
    {"CRC-16/TMS37157", 0x26b1},
    {"CRC-16/UMTS", 0xfee8},
    {"CRC-16/USB", 0xb4c8},
    {"CRC-16/XMODEM", 0x31c3},
    {"CRC-32/AIXM", 0x3010bf7f},
    {"CRC-32/AUTOSAR", 0x1697d06a},
    {"CRC-32/BASE91-D", 0x87315576},
    {"CRC-32/BZIP2", 0xfc891918},
    {"CRC-32/CD-ROM-EDC", 0x6ec2edc4},
    {"CRC-32/CKSUM", 0x765e7680},
    {"CRC-32/ISCSI", 0xe3069283},
    {"CRC-32/ISO-HDLC", 0xcbf43926},
    {"CRC-32/JAMCRC", 0x340bc6d9},
    {"CRC-32/MEF", 0xd2c22f51},
    {"CRC-32/MPEG-2", 0x0376e6e7},
    {"CRC-32/XFER", 0xbd0be338},
});

TEST(Checksum, EachHasTheCheckValueOfItsName)
{
    for (const auto& [name, value] : kChecks) {
        const auto checksum = checksum_called(name);
        ASSERT_TRUE(checksum) << name;
        EXPECT_EQ(compute(*checksum, as_bytes("123456789")), value) << name;
        EXPECT_EQ(name_of(*checksum), name);
    }
}

TEST(Checksum, EachNameHasACheckValue)
{
    for (const std::string_view name : record::checksum_names())
        EXPECT_THAT(kChecks, testing::Contains(testing::Field(&Check::name, name)));
}

TEST(Checksum, UnknownNameIsNone)
{
    EXPECT_FALSE(checksum_called("CRC-16"));
    EXPECT_FALSE(checksum_called(""));
}

TEST(Checksum, SumHasTheSizeOfItsName)
{
    const std::string bytes(300, '\xff');
    EXPECT_EQ(compute(*checksum_called("sum8"), as_bytes(bytes)), 0xd4U);
    EXPECT_EQ(compute(*checksum_called("sum16"), as_bytes(bytes)), 0x2ad4U);
    EXPECT_EQ(compute(*checksum_called("sum16"), as_bytes(std::string(600, '\xff'))), 0x55a8U);
}

}  // namespace
}  // namespace drvbus::test
