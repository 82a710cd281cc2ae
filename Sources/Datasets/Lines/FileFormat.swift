import Foundation
import Tokenizers

/// What a file is by its first bytes, where it is no file of JSON lines, and the command that makes one of it.
enum FileFormat {
    /// Bytes that ``container(_:)`` needs to see.
    static let headBytes = 512

    static func isGzip(_ head: [UInt8]) -> Bool { head.starts(with: [0x1F, 0x8B]) }

    /// Formats that hold no text as it stands.
    /// - Returns: what is wrong and what to do; nil for everything else.
    static func container(_ head: [UInt8], name: String) -> String? {
        func has(_ magic: [UInt8], at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: magic) }
        let target = target(for: name)
        if has(Array("PAR1".utf8)) {
            return "\(name) is a Parquet file; make JSON lines of it: \(pandas("read_parquet", name, target))"
        }
        if has(Array("ARROW1".utf8)) {
            return "\(name) is an Arrow file; make JSON lines of it: \(pandas("read_feather", name, target))"
        }
        if has([0x28, 0xB5, 0x2F, 0xFD]) { return "\(name) is compressed by zstd; unpack it first: zstd -d \(name)" }
        if has(Array("BZh".utf8)) { return "\(name) is compressed by bzip2; unpack it first: bzip2 -dk \(name)" }
        if has([0xFD] + Array("7zXZ".utf8)) { return "\(name) is compressed by xz; unpack it first: xz -dk \(name)" }
        if has([0x04, 0x22, 0x4D, 0x18]) { return "\(name) is compressed by lz4; unpack it first: lz4 -d \(name)" }
        if has([0x50, 0x4B, 0x03, 0x04]) { return "\(name) is a zip archive; unpack it first: unzip \(name)" }
        if isGzip(head) { return "\(name) is compressed twice; unpack it first: gzip -d \(name)" }
        if has(Array("ustar".utf8), at: 257) { return "\(name) is a tar archive; unpack it first: tar -xf \(name)" }
        if has([0xFF, 0xFE, 0, 0]) || has([0, 0, 0xFE, 0xFF]) { return utf("UTF-32", name, target) }
        if has([0xFF, 0xFE]) || has([0xFE, 0xFF]) { return utf("UTF-16", name, target) }
        if head.count > 3, head[0] == 0, head[1] != 0 { return utf("UTF-16BE", name, target) }
        if head.count > 3, head[0] != 0, head[1] == 0, head[3] == 0 { return utf("UTF-16LE", name, target) }
        if has(Array("version https://git-lfs".utf8)) {
            return "\(name) is a pointer of Git LFS, not the data; fetch them: git lfs pull"
        }
        return nil
    }

    /// What a text is that is not lines of JSON.
    struct Document {
        /// A clause for the end of a message: what the file is, and the command that converts it.
        var hint: String
        /// Whether single lines of it may look like rows by accident, so that skipping the others would lose most rows.
        var isCertain: Bool
    }

    /// For a file whose first line is no JSON object.
    /// - Parameter head: from the first character that is not white space.
    /// - Returns: nil when nothing is recognised.
    static func document(_ head: some Collection<UInt8>, name: String) -> Document? {
        let target = target(for: name)
        let line = Array(head.prefix { $0 != 0x0A && $0 != 0x0D })
        let value = try? JSONValue(line: line)
        switch line.first {
        case UInt8(ascii: "["):
            // A line that is a list of something else is just a bad line.
            if let first = value?.array?.first, first.members == nil { return nil }
            let program =
                "import json; [print(json.dumps(row)) for row in json.load(open('\(name)', encoding='utf-8-sig'))]"
            return Document(
                hint: "the file is one JSON array; make JSON lines of it: python3 -c \"\(program)\" > \(target)",
                isCertain: true)
        case UInt8(ascii: "{") where line.count < head.count && isOpen(line):
            return Document(
                hint: "the file is JSON over several lines; make JSON lines of it: jq -c . \(name) > \(target)",
                isCertain: true)
        case UInt8(ascii: "{"), UInt8(ascii: "<"), nil: return nil
        default: break
        }
        guard value == nil, let (kind, argument) = table(line) else { return nil }
        let command = pandas("read_csv", name, target, arguments: "\(argument), keep_default_na=False")
        return Document(
            hint: "the file looks like \(kind); make JSON lines of it: \(command)", isCertain: false)
    }

    /// The kind of a table that starts with this line of names, and what pandas must know of it.
    private static func table(_ line: [UInt8]) -> (kind: String, argument: String)? {
        if line.contains(0x09) { return ("tab-separated values", ", sep='\\t'") }
        let known = ["prompt", "completion", "chosen", "rejected", "messages", "text", "instruction", "response"]
        let isColumn = known.contains { line == Array($0.utf8) || line == Array("\"\($0)\"".utf8) }
        return line.contains(UInt8(ascii: ",")) || isColumn ? ("CSV", "") : nil
    }

    /// How the first line of a document ends that goes on in the next.
    private static func isOpen(_ line: some Collection<UInt8>) -> Bool {
        let end = Array(line).last { $0 != 0x20 && $0 != 0x09 }
        return end.map { Array("{[,:".utf8).contains($0) } ?? false
    }

    private static func pandas(
        _ function: String, _ name: String, _ target: String, arguments: String = ""
    ) -> String {
        """
        python3 -c "import pandas; pandas.\(function)('\(name)'\(arguments))\
        .to_json('\(target)', orient='records', lines=True, force_ascii=False)"
        """
    }

    private static func utf(_ encoding: String, _ name: String, _ target: String) -> String {
        "\(name) is \(encoding), not UTF-8; convert it: iconv -f \(encoding) -t UTF-8 \(name) > \(target)"
    }

    /// Where the converted file is to go: nowhere that something stands already.
    private static func target(for name: String) -> String {
        let stem = stem(name)
        let names = ["\(stem).jsonl", "\(stem)-converted.jsonl"] + (2..<100).map { "\(stem)-converted-\($0).jsonl" }
        return names.first { !FileManager.default.fileExists(atPath: $0) } ?? names[1]
    }

    /// The path without the ending that names the old format.
    private static func stem(_ name: String) -> String {
        let endings = [".parquet", ".csv", ".tsv", ".json", ".arrow", ".feather", ".txt"]
        if let ending = endings.first(where: { name.lowercased().hasSuffix($0) }) {
            return String(name.dropLast(ending.count))
        }
        return name.hasSuffix(".jsonl") ? name.dropLast(6) + "-converted" : name
    }
}
