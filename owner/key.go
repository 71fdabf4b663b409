package owner

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
)

// Partitions is the number of shares that all keys are divided into, for ever:
// a partition is the first byte of each stored record and stands in local tags
// and entity-tags.
const Partitions = 256

// Partition is the share that a key (an AoR, a Call-ID) belongs to.
func Partition(key string) byte {
	h := fnv.New32a()
	h.Write([]byte(key))
	s := h.Sum32()
	return byte(s ^ s>>8 ^ s>>16 ^ s>>24)
}

// Key is the key of a stored record: all records of one owned key stand
// together, so that they can be read again by Prefix.
func Key(key string, kind byte, id string) []byte {
	b := Prefix(key)
	b = append(b, kind)
	return append(b, id...)
}

// Prefix is what the keys of all records of an owned key begin with.
func Prefix(key string) []byte {
	b := make([]byte, 1, 16+len(key))
	b[0] = Partition(key)
	b = binary.AppendUvarint(b, uint64(len(key)))
	return append(b, key...)
}

var errForeignKey = errors.New("owner: not the key of a record")

// ParseKey takes a record's key apart.
func ParseKey(b []byte) (key string, kind byte, id string, err error) {
	if len(b) < 2 {
		return "", 0, "", errForeignKey
	}
	n, size := binary.Uvarint(b[1:])
	rest := b[1:]
	if size <= 0 || uint64(len(rest)-size) < n+1 || n > uint64(len(rest)) {
		return "", 0, "", errForeignKey
	}
	rest = rest[size:]
	return string(rest[:n]), rest[n], string(rest[n+1:]), nil
}
