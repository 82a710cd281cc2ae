import CZlib
import Foundation
import Testing

@testable import Datasets

/// Files that are no plain JSON lines: read when packed by gzip, else named with the command that converts them.
@Suite struct FileFormatTests {
    private func message(_ bytes: Data, onBadLine: BadLine = .stop) throws -> String {
        let file = try TemporaryFile(bytes)
        do {
            _ = try LoadedRows<TextRow>.read(path: file.path, onBadLine: onBadLine)
            return "no error"
        } catch {
            #expect("\(error)".contains(file.path))
            return "\(error)"
        }
    }

    @Test(
        arguments: [
            (Array("PAR1".utf8) + [0x15, 0, 0x15], "Parquet", "pandas.read_parquet("),
            (Array("ARROW1\u{0}\u{0}".utf8), "Arrow", "pandas.read_feather("),
            ([0x28, 0xB5, 0x2F, 0xFD, 0], "zstd", "zstd -d "), (Array("BZh91AY".utf8), "bzip2", "bzip2 -dk "),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz", "xz -dk "), ([0x04, 0x22, 0x4D, 0x18], "lz4", "lz4 -d "),
            ([0x50, 0x4B, 3, 4], "zip", "unzip "),
            ([0xFF, 0xFE, 0x7B, 0], "UTF-16", "iconv -f UTF-16 "),
            ([0xFE, 0xFF, 0, 0x7B], "UTF-16", "iconv -f UTF-16 "),
            ([0xFF, 0xFE, 0, 0, 0x7B, 0, 0, 0], "UTF-32", "iconv -f UTF-32 "),
            ([0x7B, 0, 0x22, 0], "UTF-16LE", "iconv -f UTF-16LE "),
            ([0, 0x7B, 0, 0x22], "UTF-16BE", "iconv -f UTF-16BE "),
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "Git LFS", "git lfs pull"),
        ] as [([UInt8], String, String)]) func containersAreNamed(_ bytes: [UInt8], _ name: String, _ command: String)
        throws
    {
        for bad in [BadLine.stop, .skip] {
            let said = try message(Data(bytes), onBadLine: bad)
            #expect(said.contains(name) && said.contains(command), "\(said)")
        }
    }

    @Test(arguments: [
        (#"[{"text":"a"},{"text":"b"}]"#, "one JSON array", "json.load(open("),
        ("\u{FEFF}\n[\n  {\"text\":\"a\"}\n]\n", "one JSON array", "json.load(open("),
        ("{\n  \"text\": \"a\"\n}\n", "JSON over several lines", "jq -c . "),
        ("{\"data\": [\n  {\"text\": \"a\"}\n]}\n", "JSON over several lines", "jq -c . "),
        ("prompt,completion\na,b\n", "CSV", "pandas.read_csv("), ("text\na\nb\n", "CSV", "pandas.read_csv("),
        ("\"prompt\",\"text\"\r\n\"a\",\"b\"\r\n", "CSV", "pandas.read_csv("),
        ("prompt\tcompletion\na\tb\n", "tab-separated", "sep='\\t'"),
    ]) func documentsAreNamed(_ text: String, _ name: String, _ command: String) throws {
        for bad in [BadLine.stop, .skip] {
            let said = try message(Data(text.utf8), onBadLine: bad)
            #expect(said.contains(name) && said.contains(command), "\(said)")
        }
    }

    /// The command that a message names must not write over the rows that somebody has already.
    @Test func theConvertedFileIsANewOne() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-hint-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let table = folder.appending(path: "rows.csv").path
        try "prompt,completion\na,b\n".write(toFile: table, atomically: true, encoding: .utf8)
        func said() -> String {
            do {
                _ = try LoadedRows<TextRow>.read(path: table)
                return ""
            } catch { return "\(error)" }
        }
        #expect(said().contains("rows.jsonl'"))
        try Data().write(to: folder.appending(path: "rows.jsonl"))
        #expect(said().contains("rows-converted.jsonl'"))
    }

    @Test func badLinesOfALinesFileAreNoOtherFormat() throws {
        let file = try TemporaryFile("{\"text\":\"a\"}\n[1]\na,b\n{\n{\"text\":\"b\"}\n")
        let read = try LoadedRows<TextRow>.read(path: file.path, onBadLine: .skip)
        #expect(read.rows.count == 2 && read.skipped == 3)
        #expect(try message(Data("{\"text\":\"a\"}\n[1]\n".utf8)).contains("expected {\"text\"}"))
        #expect(try !message(Data("{\"text\":3}\n".utf8)).contains("several lines"))
        #expect(try !message(Data("{\"text\":\"a\n".utf8)).contains("several lines"))
        // A comment above the lines, and a line that is a string.
        let comment = try TemporaryFile("# made by hand, twice\n\"a, b\"\n{\"text\":\"b\"}\n")
        #expect(try LoadedRows<TextRow>.read(path: comment.path, onBadLine: .skip).skipped == 2)
        // The first line is bad, the others are good: they are read where bad lines are skipped.
        let other = try TemporaryFile("[1]\n{\"text\":\"b\"}\n")
        #expect(try LoadedRows<TextRow>.read(path: other.path, onBadLine: .skip).rows.map(\.text) == ["b"])
    }

    // MARK: - gzip

    private static func gzip(_ text: String) -> Data {
        var stream = z_stream()
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        var input = Array(text.utf8)
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(input.count))) + 64)
        let count = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                _ = deflate(&stream, Z_FINISH)
                return target.count - Int(stream.avail_out)
            }
        }
        deflateEnd(&stream)
        return Data(output.prefix(count))
    }

    private func texts(_ bytes: Data) throws -> [String] {
        let file = try TemporaryFile(bytes)
        return try LoadedRows<TextRow>.read(path: file.path).rows.map(\.text)
    }

    @Test func gzipIsReadWhateverItsName() throws {
        let many = (0..<40_000).map { "line \($0) \(String(repeating: "y", count: $0 % 97))" }
        let lines = many.map { "{\"text\":\"\($0)\"}\n" }.joined()
        #expect(try texts(Self.gzip(lines)) == many)
        #expect(try texts(Self.gzip("\u{FEFF}{\"text\":\"a\"}\r\n\r\n{\"text\":\"b\"}")) == ["a", "b"])
    }

    @Test func membersThatFollowOneAnotherAreOneFile() throws {
        // The first member ends within a line; empty members and zeros at the end are of no account.
        let first = Self.gzip("{\"text\":\"a\"}\n{\"te")
        let second = Self.gzip("xt\":\"b\"}\n")
        #expect(try texts(first + Self.gzip("") + second) == ["a", "b"])
        #expect(try texts(first + second + Data(count: 1000)) == ["a", "b"])
        let many = (0..<2000).map { Self.gzip("{\"text\":\"\($0)\"}\n") }.reduce(Data(), +)
        #expect(try texts(many) == (0..<2000).map(String.init))
    }

    @Test func aFileThatIsCutShortOrDamagedIsAnError() throws {
        let lines = (0..<5000).map { "{\"text\":\"\($0 &* 2_654_435_761 % 99_991)\"}\n" }.joined()
        let whole = Self.gzip(lines)
        for count in [2, 5, 11, whole.count / 2, whole.count - 8, whole.count - 1] {
            let said = try message(whole.prefix(count))
            #expect(said.contains("is cut short"), "\(count): \(said)")
        }
        #expect(try message(whole + Self.gzip(lines).prefix(20)).contains("is cut short"))
        #expect(try message(whole + Data("rubbish".utf8)).contains("is damaged"))
        var flipped = whole
        flipped[flipped.count / 2] ^= 0xFF
        #expect(try message(flipped).contains("gzip -t"))
        var checksum = whole
        checksum[checksum.count - 6] ^= 1
        #expect(try message(checksum).contains("incorrect data check"))
    }

    /// What unpacks to gigabytes is read in pieces: a line beyond the limit is passed over, not held.
    @Test func whatUnpacksToMuchIsReadInBoundedMemory() throws {
        let file = try TemporaryFile(
            Self.gzip("{\"text\":\"\(String(repeating: "x", count: 64 << 20))\"}\n{\"text\":\"b\"}\n"))
        let source = try GzipSource(FileSource(path: file.path), name: "x")
        var largest = 0
        while case let part = try source.read(), !part.isEmpty { largest = max(largest, part.count) }
        #expect(largest <= 1 << 17)
        let read = try LoadedRows<TextRow>.read(path: file.path, onBadLine: .skip, longest: 1 << 20)
        #expect(read.rows.map(\.text) == ["b"] && read.problems[0].contains("longer than"))
    }

    @Test func formatsWithinGzipAreNamed() throws {
        #expect(try message(Self.gzip("[{\"text\":\"a\"}]")).contains("one JSON array"))
        #expect(try message(Self.gzip("PAR1")).contains("Parquet"))
        #expect(try message(Data(count: 0) + Self.gzip("")).contains("it is empty"))
        let tar = String(repeating: "\u{1}", count: 257) + "ustar" + String(repeating: "\u{0}", count: 300)
        #expect(try message(Self.gzip(tar)).contains("tar archive"))
    }
}
