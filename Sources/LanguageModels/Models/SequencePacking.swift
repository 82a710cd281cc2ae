/// Which sequences share a line, and where.
enum SequencePacking {
    /// First fit, longest first; depends on lengths and order alone.
    ///
    /// - Returns: for each line the indices of its sequences.
    static func lines(_ lengths: [Int], longest: Int) -> [[Int]] {
        var lines: [[Int]] = []
        var room: [Int] = []
        for index in lengths.indices.sorted(by: { (lengths[$1], $0) < (lengths[$0], $1) }) {
            if let line = room.firstIndex(where: { $0 >= lengths[index] }) {
                lines[line].append(index)
                room[line] -= lengths[index]
            } else {
                lines.append([index])
                room.append(max(0, longest - lengths[index]))
            }
        }
        return lines
    }

    struct Places {
        /// Of each sequence, where in [B * T] it starts.
        var offsets: [Int]
        /// [B * T], from 0 in each sequence
        var positions: [Int64]
    }

    static func places(_ lengths: [Int], _ lines: [[Int]], width: Int) -> Places {
        var places = Places(
            offsets: [Int](repeating: 0, count: lengths.count),
            positions: [Int64](repeating: 0, count: lines.count * width))
        for (line, sequences) in lines.enumerated() {
            var start = 0
            for index in sequences {
                places.offsets[index] = line * width + start
                for place in 0..<lengths[index] {
                    places.positions[line * width + start + place] = Int64(place)
                }
                start += lengths[index]
            }
        }
        return places
    }
}
