// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Replaces mmap() and munmap(), with the linker option --wrap: an unmapped region stays mapped and is used again for
// the next mapping of its size. Without this a fuzzer that maps memory for each input spends nine tenths of its time in
// the kernel. These fuzzers cannot find accesses to unmapped memory; the tests under the sanitizers do.
#include <algorithm>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>

namespace {

struct FixedMapping {
    char* begin;
    std::size_t size;
    ino_t file;
    off_t offset;
};

std::vector<FixedMapping> fixed_mappings;  // MAP_FIXED, in regions that are used or free
std::vector<std::pair<void*, std::size_t>> free_regions;

ino_t inode(int file)
{
    struct stat status {};
    return fstat(file, &status) < 0 ? 0 : status.st_ino;
}

}  // namespace

extern "C" {

void* __real_mmap64(void* at, std::size_t size, int protection, int flags, int file, off_t offset);
int __real_munmap(void* at, std::size_t size);

void* __wrap_mmap64(void* at, std::size_t size, int protection, int flags, int file, off_t offset)
{
    if ((flags & MAP_FIXED) == 0) {
        const auto region = std::ranges::find(free_regions, size, &std::pair<void*, std::size_t>::second);
        if (region == free_regions.end())
            return __real_mmap64(at, size, protection, flags, file, offset);
        void* const memory = region->first;
        free_regions.erase(region);
        return memory;
    }
    const FixedMapping wanted{static_cast<char*>(at), size, inode(file), offset};
    const auto present = std::ranges::find(fixed_mappings, wanted.begin, &FixedMapping::begin);
    if (present != fixed_mappings.end() && present->size == size && present->file == wanted.file &&
        present->offset == offset)
        return at;
    void* const memory = __real_mmap64(at, size, protection, flags, file, offset);
    if (present != fixed_mappings.end())
        fixed_mappings.erase(present);
    if (memory != MAP_FAILED)
        fixed_mappings.push_back(wanted);
    return memory;
}

int __wrap_munmap(void* at, std::size_t size)
{
    free_regions.emplace_back(at, size);
    return 0;
}
}
