import Torch

/// Keys and values of all past positions of all layers, allocated once: [B, K, capacity, D] a layer.
final class KeyValueCache {
    private(set) var length = 0
    let capacity: Int
    private var layers: [(keys: Tensor, values: Tensor)]

    init(_ configuration: ModelConfiguration, rows: Int, capacity: Int, dtype: DType, device: Device) throws {
        self.capacity = capacity
        let shape = [rows, configuration.keyValueHeadCount, capacity, configuration.headSize]
        layers = try (0..<configuration.layerCount).map { _ in
            (
                try Tensor.zeros(shape, dtype: dtype, device: device),
                try Tensor.zeros(shape, dtype: dtype, device: device)
            )
        }
    }

    /// Writes k and v [B, K, T, D] behind the past ones and returns all of them, [B, K, length + T, D].
    func append(_ k: Tensor, _ v: Tensor, layer: Int) throws -> (Tensor, Tensor) {
        let end = length + k.size(2)
        let (keys, values) = layers[layer]
        try keys.slice(2, length..<end).copy(from: k)
        try values.slice(2, length..<end).copy(from: v)
        return (try keys.slice(2, 0..<end), try values.slice(2, 0..<end))
    }

    /// Called once all layers have appended.
    func advance(by count: Int) { length += count }

    /// Keeps or repeats rows: row i becomes the former row `rows[i]`.
    func select(_ rows: [Int64]) throws {
        guard let first = layers.first else { return }
        let index = try Tensor.of(rows, device: first.keys.device)
        layers = try layers.map {
            (try $0.keys.indexSelect(0, index), try $0.values.indexSelect(0, index))
        }
    }
}
