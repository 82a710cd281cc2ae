import Foundation
import Testing

@testable import Reports

/// Event files, read by a parser of their own.
@Suite struct TensorBoardTests {
    /// RFC 3720, appendix B.4.
    private static let published: [(bytes: [UInt8], checksum: UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E), ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
    ]

    @Test func theChecksumIsThatOfTheStandard() {
        for (bytes, checksum) in Self.published {
            #expect(CRC32C.of(Data(bytes)) == checksum)
            #expect(Parser.checksum(bytes) == checksum)
        }
    }

    private func inRun(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-events-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try body(folder)
    }

    @Test func figuresAreScalarsAtTheirSteps() throws {
        try inRun { folder in
            var log = try TensorBoardLog(runDirectory: folder, now: { 1234.5 })
            try log.add(step: 0, figures: ["step": 0, "critic/score/mean": 0.25, "actor/lr": .infinity])
            try log.add(step: 299, figures: ["critic/score/mean": -1.5])
            var history = HeldOutHistory(runDirectory: folder)
            try history.add(HeldOutFigures(step: 300, EvaluationTests.answers([("r", 1, [[0.5], [1]])])))
            try log.addEvaluations()
            let files = try Parser.files(folder)
            #expect(files.count == 1)
            let events = try #require(files.first)
            #expect(events.first?.version == "brain.Event:2" && events.allSatisfy { $0.wallTime == 1234.5 })
            #expect(events.dropFirst().map(\.step) == [1, 300, 300])
            #expect(
                events[1].scalars == ["critic/score/mean": 0.25] && events[2].scalars == ["critic/score/mean": -1.5])
            #expect(events[3].scalars["eval/score"] == 0.75 && events[3].scalars["eval/reward/r"] == 0.75)
        }
    }

    /// Other held-out prompts or rewards: the same steps have other figures. A run that only goes on has the same.
    @Test func aStepThatWasMeasuredOtherwiseIsWrittenAgain() throws {
        try inRun { folder in
            func measure(_ value: Float, _ basis: String) throws {
                var history = HeldOutHistory(runDirectory: folder)
                try history.add(
                    HeldOutFigures(step: 2, EvaluationTests.answers([("r", 1, [[value], [value]])]), basis: basis))
                var log = try TensorBoardLog(runDirectory: folder, now: { 50 })
                try log.addEvaluations()
            }
            for (value, basis) in [(0.5, "a"), (0.5, "a"), (0.25, "b"), (0.25, "b")] {
                try measure(Float(value), basis)
            }
            let scores = try Parser.files(folder).joined().compactMap { $0.scalars["eval/score"] }
            #expect(scores == [0.5, 0.25])
        }
    }

    /// A process that was killed in the middle of a record, and the next one.
    @Test func aRunThatGoesOnRepeatsNoStepAndLacksNone() throws {
        try inRun { folder in
            func lines(_ steps: Range<Int>) throws {
                let text = steps.map { #"{"step":\#($0),"critic/score/mean":\#($0)}"# + "\n" }.joined()
                try text.write(toFile: folder + "/metrics.jsonl", atomically: true, encoding: .utf8)
            }
            var first = try TensorBoardLog(runDirectory: folder, now: { 50 })
            for step in 0..<3 { try first.add(step: step, figures: ["critic/score/mean": Double(step)]) }
            let path = try #require(FileManager.default.subpaths(atPath: folder)?.first { $0.contains("tfevents") })
            let whole = try #require(FileManager.default.contents(atPath: "\(folder)/\(path)"))
            try whole.dropLast(5).write(to: URL(filePath: "\(folder)/\(path)"))
            try lines(0..<4)
            var second = try TensorBoardLog(runDirectory: folder, now: { 50 })
            try second.add(step: 3, figures: ["critic/score/mean": 3])
            try second.add(step: 4, figures: ["critic/score/mean": 4])
            let files = try Parser.files(folder)
            #expect(files.map { $0.dropFirst().map(\.step) } == [[1, 2], [3, 4, 5]])
            #expect(files.joined().dropFirst().compactMap { $0.scalars["critic/score/mean"] } == [0, 1, 2, 3, 4])
            // Nothing new, no new file.
            try lines(0..<5)
            _ = try TensorBoardLog(runDirectory: folder, now: { 50 })
            #expect(try Parser.files(folder).count == 2)
        }
    }
}

/// Reads event files as their format is described, bit by bit.
private enum Parser {
    struct Event {
        var wallTime = 0.0
        var step = 0
        var version = ""
        var scalars: [String: Float] = [:]
    }

    struct Broken: Error { var what: String }

    /// Files in the order of their names. What a crash has cut at the end of a file is left out.
    static func files(_ runDirectory: String) throws -> [[Event]] {
        let folder = runDirectory + "/tensorboard"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            var rest = [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))[...]
            var events: [Event] = []
            while rest.count >= 16 {
                let length = Int(number(rest.prefix(8)))
                guard masked(Array(rest.prefix(8))) == UInt32(number(rest.dropFirst(8).prefix(4))) else {
                    throw Broken(what: "length")
                }
                guard rest.count >= 16 + length else { break }
                let data = Array(rest.dropFirst(12).prefix(length))
                guard masked(data) == UInt32(number(rest.dropFirst(12 + length).prefix(4))) else {
                    throw Broken(what: "data")
                }
                events.append(try event(data))
                rest = rest.dropFirst(16 + length)
            }
            return events
        }
    }

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            for bit in 0..<8 {
                let low = (crc ^ UInt32(byte >> UInt8(bit))) & 1
                crc = (crc >> 1) ^ (low == 1 ? 0x82F6_3B78 : 0)
            }
        }
        return crc ^ 0xFFFF_FFFF
    }

    private static func masked(_ bytes: [UInt8]) -> UInt32 {
        let crc = UInt64(checksum(bytes))
        return UInt32(truncatingIfNeeded: ((crc >> 15 | crc << 17) & 0xFFFF_FFFF) + 0xA282_EAD8)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.enumerated().reduce(0) { $0 + UInt64($1.element) << (8 * UInt64($1.offset)) }
    }

    private static func event(_ data: [UInt8]) throws -> Event {
        var event = Event()
        for (field, value) in try fields(data) {
            switch field {
            case 1: event.wallTime = Double(bitPattern: number(value[...]))
            case 2: event.step = Int(number(value[...]))
            case 3: event.version = String(decoding: value, as: UTF8.self)
            case 5:
                for (_, scalar) in try fields(value) {
                    let parts = Dictionary(uniqueKeysWithValues: try fields(scalar))
                    let tag = String(decoding: parts[1] ?? [], as: UTF8.self)
                    event.scalars[tag] = Float(bitPattern: UInt32(number((parts[2] ?? [])[...])))
                }
            default: throw Broken(what: "field \(field)")
            }
        }
        return event
    }

    /// Numbers of variable length come as eight bytes.
    private static func fields(_ data: [UInt8]) throws -> [(Int, [UInt8])] {
        var rest = data[...]
        func varint() throws -> UInt64 {
            var (value, shift): (UInt64, UInt64) = (0, 0)
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 127) << shift
                shift += 7
                if byte < 128 { return value }
            }
            throw Broken(what: "varint")
        }
        var found: [(Int, [UInt8])] = []
        while !rest.isEmpty {
            let key = try varint()
            let count: Int
            switch key % 8 {
            case 0:
                let value = try varint()
                found.append((Int(key / 8), (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }))
                continue
            case 1: count = 8
            case 2: count = Int(try varint())
            case 5: count = 4
            default: throw Broken(what: "type \(key % 8)")
            }
            guard rest.count >= count else { throw Broken(what: "short") }
            found.append((Int(key / 8), Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
        return found
    }
}
