/// A decoder at work on one stream of tokens. What it gives out is always whole characters, and all of it together is
/// exactly the decoded text.
struct DecoderRun {
    private var steps: [StepRun]
    private let joinsWithSpaces: Bool
    private var isFirst = true

    init(_ decoder: Decoder) {
        joinsWithSpaces = decoder.joinsWithSpaces
        steps = []
        var isFused = false
        for step in decoder.steps {
            steps.append(StepRun(step: step, isFused: isFused))
            switch step {
            case .fuse, .byteLevel: isFused = true
            default: break
            }
        }
    }

    /// Appends to `output` what is certain after one more token.
    mutating func push(_ token: [UInt8], to output: inout [UInt8]) {
        if joinsWithSpaces, !isFirst { output.append(UInt8(ascii: " ")) }
        isFirst = false
        send([token], from: 0, to: &output)
    }

    /// Appends what was held back; the stream ends here.
    mutating func finish(to output: inout [UInt8]) {
        for index in steps.indices {
            let rest = steps[index].finish()
            send(rest, from: index + 1, to: &output)
        }
    }

    private mutating func send(_ tokens: [[UInt8]], from first: Int, to output: inout [UInt8]) {
        var tokens = tokens
        for index in first..<max(first, steps.count) {
            var next: [[UInt8]] = []
            for token in tokens { steps[index].push(token, to: &next) }
            tokens = next
        }
        for token in tokens { output += token }
    }
}

/// The state of one step. Behind a step that makes one token of all, the tokens that come in are parts of that one.
private struct StepRun {
    let step: Decoder.Step
    let isFused: Bool
    private var held: [UInt8] = []
    private var isFirst = true
    /// How many characters a `strip` over a fused text may still remove at its start.
    private var strips: Int

    init(step: Decoder.Step, isFused: Bool) {
        self.step = step
        self.isFused = isFused
        if case .strip(_, let start, _) = step { strips = start } else { strips = 0 }
    }

    mutating func push(_ token: [UInt8], to output: inout [[UInt8]]) {
        defer { isFirst = false }
        switch step {
        case .byteLevel:
            held += ByteAlphabet.decode(token) ?? token
            let whole = held.count - incompleteSuffix(held)
            if whole > 0 {
                output.append(repaired(held[..<whole]))
                held.removeFirst(whole)
            }
        case .byteFallback:
            if let byte = namedByte(token) {
                held.append(byte)
            } else {
                releaseBytes(to: &output)
                output.append(token)
            }
        case .fuse: output.append(token)
        case .replace(let pattern, let content):
            // A match may reach over parts of a fused text, so the whole of it is needed.
            if isFused { held += token } else { output.append(pattern.replace(token, content)) }
        case .strip(let scalar, let start, let stop):
            if isFused {
                stripFused(token, Array(String(scalar).utf8), stop, &output)
            } else {
                output.append(stripped(token, Array(String(scalar).utf8), start, stop))
            }
        case .metaspace(let mark, let keepsFirst):
            let space = isFirst && !keepsFirst ? [] : [UInt8(ascii: " ")]
            output.append(replaceAll(token, mark, space))
        }
    }

    mutating func finish() -> [[UInt8]] {
        var output: [[UInt8]] = []
        switch step {
        case .byteLevel: if !held.isEmpty { output.append(repaired(held[...])) }
        case .byteFallback: releaseBytes(to: &output)
        case .replace(let pattern, let content):
            if !held.isEmpty { output.append(pattern.replace(held, content)) }
        case .strip(let scalar, _, let stop):
            if isFused { output.append(stripped(held, Array(String(scalar).utf8), 0, stop)) }
        case .fuse, .metaspace: break
        }
        held = []
        return output
    }

    private mutating func releaseBytes(to output: inout [[UInt8]]) {
        if held.isEmpty { return }
        if String(validating: held, as: UTF8.self) != nil {
            output.append(held)
        } else {
            output += [[UInt8]](repeating: [0xEF, 0xBF, 0xBD], count: held.count)
        }
        held = []
    }

    private mutating func stripFused(_ token: [UInt8], _ mark: [UInt8], _ stop: Int, _ output: inout [[UInt8]]) {
        held += token
        while strips > 0, !held.isEmpty {
            guard held.starts(with: mark) else {
                strips = 0
                break
            }
            held.removeFirst(mark.count)
            strips -= 1
        }
        // Only marks at the very end may still have to go.
        var end = held.count
        var kept = 0
        while kept < stop, end >= mark.count, held[(end - mark.count)..<end].elementsEqual(mark) {
            end -= mark.count
            kept += 1
        }
        if end > 0 {
            output.append(Array(held[..<end]))
            held.removeFirst(end)
        }
    }
}

private func stripped(_ token: [UInt8], _ mark: [UInt8], _ start: Int, _ stop: Int) -> [UInt8] {
    var slice = token[...]
    var count = 0
    while count < start, slice.starts(with: mark) {
        slice.removeFirst(mark.count)
        count += 1
    }
    count = 0
    while count < stop, slice.count >= mark.count, slice.suffix(mark.count).elementsEqual(mark) {
        slice.removeLast(mark.count)
        count += 1
    }
    return Array(slice)
}

private func replaceAll(_ token: [UInt8], _ mark: [UInt8], _ content: [UInt8]) -> [UInt8] {
    guard !mark.isEmpty else { return token }
    var output: [UInt8] = []
    var position = 0
    while position < token.count {
        if token[position...].starts(with: mark) {
            output += content
            position += mark.count
        } else {
            output.append(token[position])
            position += 1
        }
    }
    return output
}

/// The byte that `<0xAB>` names.
private func namedByte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
}

/// UTF-8 with U+FFFD for each part that is not.
private func repaired(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    Array(String(decoding: bytes, as: UTF8.self).utf8)
}

/// How many bytes at the end are the start of a character whose rest may still come.
private func incompleteSuffix(_ bytes: [UInt8]) -> Int {
    var index = bytes.count - 1
    let stop = max(0, bytes.count - 3)
    while index >= stop {
        let byte = bytes[index]
        let have = bytes.count - index
        if byte & 0xC0 == 0x80 {
            index -= 1
            continue
        }
        let needed: Int
        switch byte {
        case 0xC2...0xDF: needed = 2
        case 0xE0...0xEF: needed = 3
        case 0xF0...0xF4: needed = 4
        default: return 0
        }
        if have >= needed { return 0 }
        if have > 1 {
            // Overlong forms, surrogates and what lies above U+10FFFF are wrong from the second byte on.
            let second = bytes[index + 1]
            switch byte {
            case 0xE0 where second < 0xA0: return 0
            case 0xED where second > 0x9F: return 0
            case 0xF0 where second < 0x90: return 0
            case 0xF4 where second > 0x8F: return 0
            default: break
            }
        }
        return have
    }
    return 0
}
