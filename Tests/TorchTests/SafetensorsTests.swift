import AtomicFiles
import Foundation
import Testing

@testable import Torch

@Suite struct SafetensorsTests {
    private let tensors: [(String, [Float], [Int])] = [
        ("b", [1, 2, 3, 4], [2, 2]), ("a", [5], [1]), ("none", [], [0]),
    ]

    private func named() throws -> [NamedTensor] {
        try tensors.map { NamedTensor($0.0, try Tensor.of($0.1, shape: $0.2)) }
    }

    private func file(_ header: String, _ elements: Int, length: UInt64? = nil) -> Data {
        var data = Data()
        withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: header.utf8)
        data.append(Data(count: elements))
        return data
    }

    @Test func roundTripThroughFileAndMemory() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/x.safetensors"
        let all = try named() + [NamedTensor("half\"\\\n", try Tensor.of([1.5, -2] as [Float]).to(dtype: .bfloat16))]
        try Safetensors.write(all, to: path)
        let data = try Safetensors.data(all)
        #expect(try Data(contentsOf: URL(filePath: path)) == data)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
        for file in [try Safetensors(path: path), try Safetensors(data: data, name: "x")] {
            #expect(file.names == ["a", "b", "half\"\\\n", "none"])
            #expect(file.metadata == ["format": "pt"])
            #expect(file.dtype(of: "half\"\\\n") == .bfloat16)
            for (name, values, shape) in tensors {
                #expect(file.shape(of: name) == shape)
                #expect(try file.tensor(name).floats() == values)
            }
            #expect(throws: TorchError.self) { try file.tensor("c") }
        }
    }

    @Test func bytesDoNotDependOnTheOrderGiven() throws {
        #expect(try Safetensors.data(named()) == Safetensors.data(named().reversed()))
        #expect(throws: TorchError.self) { try Safetensors.data(named() + named()) }
    }

    @Test func aFailedWriteLeavesTheOldFile() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/x"
        try AtomicFile.write(Data([1, 2, 3]), to: path)
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try AtomicFile.write(to: path) { sink in
                try [UInt8(9)].withUnsafeBytes { try sink($0) }
                throw Stop()
            }
        }
        #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3]))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x"])
        let error = #expect(throws: FileError.self) { try AtomicFile.write(Data(), to: "\(folder)/no/x") }
        #expect(error?.reason.contains("No such file") == true)
    }

    @Test func everyTruncationIsAnError() throws {
        let data = try Safetensors.data(named())
        for count in 0..<data.count {
            #expect(throws: TorchError.self, "\(count) bytes") {
                try Safetensors(data: data.prefix(count), name: "cut")
            }
        }
        #expect(throws: TorchError.self) { try Safetensors(data: data + Data([0]), name: "long") }
    }

    @Test(arguments: [
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,  // size does not fit
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,  // bytes left over
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,  // hole and beyond the end
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}"#,
        #"{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
        #"{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}"#,
        #"{"a":7}"#, #"["a"]"#, "", "{", "\u{0}", #"{"__metadata__":{"a":1}}"#,
    ])
    func aHeaderThatLiesIsAnError(_ header: String) {
        let error = #expect(throws: TorchError.self) { try Safetensors(data: file(header, 8), name: "liar") }
        #expect(error?.code == .safetensors)
        #expect(error?.message.contains("liar") == true)
    }

    @Test func aHeaderLengthThatLiesIsAnError() {
        for length in [UInt64.max, 1 << 40, 100_000_001, 17, 1 << 63] {
            #expect(throws: TorchError.self) { try Safetensors(data: file("{}", 8, length: length), name: "liar") }
        }
    }

    @Test func nestingDoesNotOverflowTheStack() {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: TorchError.self) { try Safetensors(data: file(#"{"a":"# + deep, 0), name: "deep") }
    }

    @Test func unreadablePathsAreNamed() {
        for path in ["/no/such/file.safetensors", "/tmp"] {
            let error = #expect(throws: TorchError.self) { try Safetensors(path: path) }
            #expect(error?.message.contains(path) == true)
        }
    }
}
