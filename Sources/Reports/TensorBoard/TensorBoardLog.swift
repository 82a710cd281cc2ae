import Foundation
import RunLayout

/// Event files in the folder `tensorboard` of a run directory: the figures of `metrics.jsonl` under their names, those of
/// `evaluations.jsonl` as `eval/...`, each at the number of steps that were made by then.
///
/// Owned by the coordinator. Every process that writes opens a file of its own, as TensorBoard expects, and begins with
/// what the two files have and no event file has yet. So a run that goes on repeats no step and lacks none.
package struct TensorBoardLog {
    private static let evaluationPrefix = "eval/"

    private let layout: RunLayout
    private let now: () -> Double
    private var written: Set<Int> = []
    /// Held-out figures as they were written. A step may be measured again by another basis, which events do not name.
    private var measured: Set<WrittenEvent> = []
    private var sizeOfEvaluations = 0
    private var file: FileHandle?

    /// - Parameter now: seconds of the epoch.
    package init(
        runDirectory: String, now: @escaping () -> Double = { Date.now.timeIntervalSince1970 }
    ) throws {
        layout = RunLayout(runDirectory)
        self.now = now
        for name in files {
            guard let data = FileManager.default.contents(atPath: "\(layout[.tensorBoard])/\(name)") else { continue }
            for event in EventRecord.records(in: data).compactMap(WrittenEvent.init) {
                if event.scalars.keys.contains(where: { $0.hasPrefix(Self.evaluationPrefix) }) {
                    measured.insert(event)
                } else {
                    written.insert(event.step)
                }
            }
        }
        let record = RunRecord(runDirectory: runDirectory, facts: RunReport.Facts())
        for line in record.steps {
            if let step = line["step"].flatMap({ Int(exactly: $0) }) { try add(step: step, figures: line) }
        }
        try addEvaluations()
    }

    /// - Parameter step: counted from 0, as the lines of `metrics.jsonl` are.
    package mutating func add(step: Int, figures: [String: Double]) throws {
        guard written.insert(step + 1).inserted else { return }
        var figures = figures
        figures["step"] = nil
        try write(step + 1, figures)
    }

    /// Those lines of `evaluations.jsonl` that were not there before.
    package mutating func addEvaluations() throws {
        let path = layout[.heldOut]
        let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int ?? 0
        guard size != sizeOfEvaluations else { return }
        sizeOfEvaluations = size
        for line in HeldOutHistory(runDirectory: layout.directory).lines {
            let named = line.figures.map { (Self.evaluationPrefix + $0.key, $0.value.mean) }
            let figures = Dictionary(named) { first, _ in first }
            guard measured.insert(WrittenEvent(step: line.step, scalars: Self.scalars(figures))).inserted else {
                continue
            }
            try write(line.step, figures)
        }
    }

    private static func scalars(_ figures: [String: Double]) -> [String: Float] {
        figures.mapValues(Float.init).filter { $0.value.isFinite }
    }

    private mutating func write(_ step: Int, _ figures: [String: Double]) throws {
        let scalars = Self.scalars(figures)
        guard !scalars.isEmpty else { return }
        let event = Event(wallTime: now(), step: step, scalars: scalars)
        try open().write(contentsOf: EventRecord.framed(event.encoded()))
    }

    private mutating func open() throws -> FileHandle {
        if let file { return file }
        let folder = layout[.tensorBoard]
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // TensorBoard reads the files in the order of their names and never goes back to an earlier one.
        let last = files.compactMap(Self.seconds).max() ?? 0
        let seconds = max(Int(exactly: now().rounded(.down)) ?? 0, last + 1)
        let number = String(repeating: "0", count: max(0, 10 - "\(seconds)".count)) + "\(seconds)"
        let host = ProcessInfo.processInfo.hostName.filter { $0 != "/" }
        let path = "\(folder)/events.out.tfevents.\(number).\(host).\(ProcessInfo.processInfo.processIdentifier).0"
        try Data(EventRecord.framed(Event.version(wallTime: now()))).write(to: URL(filePath: path))
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.seekToEnd()
        file = handle
        return handle
    }

    private var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: layout[.tensorBoard])) ?? [])
            .filter { $0.contains("tfevents") }.sorted()
    }

    private static func seconds(of name: String) -> Int? {
        let parts = name.split(separator: ".")
        return parts.firstIndex(of: "tfevents").flatMap { $0 + 1 < parts.count ? Int(parts[$0 + 1]) : nil }
    }
}

/// A record of figures as it was written.
private struct WrittenEvent: Hashable {
    var step = 0
    var scalars: [String: Float] = [:]

    init(step: Int, scalars: [String: Float]) {
        self.step = step
        self.scalars = scalars
    }

    /// - Returns: nil for a record without figures, as the first of a file is.
    init?(_ record: Data) {
        var fields = ProtobufReader(record)
        while let (field, value) = fields.next() {
            switch (field, value) {
            case (2, .integer(let number)): step = Int(truncatingIfNeeded: number)
            case (5, .bytes(let summary)):
                var values = ProtobufReader(summary)
                while case (1, .bytes(let scalar))? = values.next() { read(scalar) }
            default: break
            }
        }
        guard !scalars.isEmpty else { return nil }
    }

    private mutating func read(_ scalar: Data) {
        var parts = ProtobufReader(scalar)
        guard case (1, .bytes(let name))? = parts.next(), case (2, .fixed(let bytes))? = parts.next(), bytes.count == 4
        else { return }
        let bits = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        scalars[String(decoding: name, as: UTF8.self)] = Float(bitPattern: bits)
    }
}

/// Fields of a protobuf message in their order; ends at what is no field.
private struct ProtobufReader {
    enum Value { case integer(UInt64), fixed(Data), bytes(Data) }

    private var rest: Data

    init(_ data: Data) { rest = data }

    mutating func next() -> (field: UInt64, value: Value)? {
        guard let key = varint() else { return nil }
        switch key & 7 {
        case 0: return varint().map { (key >> 3, .integer($0)) }
        case 1: return take(8).map { (key >> 3, .fixed($0)) }
        case 2: return varint().flatMap { Int(exactly: $0) }.flatMap { take($0) }.map { (key >> 3, .bytes($0)) }
        case 5: return take(4).map { (key >> 3, .fixed($0)) }
        default: return nil
        }
    }

    private mutating func take(_ count: Int) -> Data? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
