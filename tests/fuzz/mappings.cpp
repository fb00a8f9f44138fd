// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Stands in for mmap() and munmap() where the linker is told to --wrap them: a mapping that is given back is kept for
// the next one of its size. Where memory is mapped for each input, that takes nine tenths of the time. A use of what is
// no longer mapped goes unseen with it; that is for the tests, which run under the same sanitizers.
#include <algorithm>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>

namespace {

struct Piece {
    char* begin;
    std::size_t size;
    ino_t file;
    off_t offset;
};

std::vector<Piece> pieces;  // of mappings in use and of kept ones
std::vector<std::pair<void*, std::size_t>> kept;

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
        const auto old = std::ranges::find(kept, size, &std::pair<void*, std::size_t>::second);
        if (old == kept.end())
            return __real_mmap64(at, size, protection, flags, file, offset);
        void* const memory = old->first;
        kept.erase(old);
        return memory;
    }
    const Piece wanted{static_cast<char*>(at), size, inode(file), offset};
    const auto there = std::ranges::find(pieces, wanted.begin, &Piece::begin);
    if (there != pieces.end() && there->size == size && there->file == wanted.file && there->offset == offset)
        return at;
    void* const memory = __real_mmap64(at, size, protection, flags, file, offset);
    if (there != pieces.end())
        pieces.erase(there);
    if (memory != MAP_FAILED)
        pieces.push_back(wanted);
    return memory;
}

int __wrap_munmap(void* at, std::size_t size)
{
    kept.emplace_back(at, size);
    return 0;
}
}
