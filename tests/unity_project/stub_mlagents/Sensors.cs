using System;
using System.Collections.Generic;
using UnityEngine;

namespace Unity.MLAgents
{
    public struct InplaceArray<T> where T : struct
    {
        readonly T[] elements;

        public InplaceArray(T elem0) { elements = new[] { elem0 }; }
        public InplaceArray(T elem0, T elem1) { elements = new[] { elem0, elem1 }; }
        public InplaceArray(T elem0, T elem1, T elem2) { elements = new[] { elem0, elem1, elem2 }; }

        public int Length => elements.Length;
        public T this[int index] => elements[index];
    }
}

namespace Unity.MLAgents.Sensors
{
    [Flags]
    public enum DimensionProperty { Unspecified = 0, None = 1, TranslationalEquivariance = 2, VariableSize = 4 }

    public enum ObservationType { Default, GoalSignal }

    public enum SensorCompressionType { None, PNG }

    public struct CompressionSpec
    {
        public SensorCompressionType SensorCompressionType { get; }

        public CompressionSpec(SensorCompressionType sensorCompressionType, int[] compressedChannelMapping = null)
        {
            SensorCompressionType = sensorCompressionType;
        }

        public static CompressionSpec Default() => new CompressionSpec(SensorCompressionType.None);
    }

    public struct ObservationSpec
    {
        public InplaceArray<int> Shape { get; }
        public InplaceArray<DimensionProperty> DimensionProperties { get; }
        public int Rank => Shape.Length;

        public ObservationSpec(InplaceArray<int> shape, InplaceArray<DimensionProperty> dimensionProperties,
            ObservationType observationType = ObservationType.Default)
        {
            Shape = shape;
            DimensionProperties = dimensionProperties;
        }

        public static ObservationSpec Vector(int length, ObservationType obsType = ObservationType.Default) =>
            new ObservationSpec(new InplaceArray<int>(length),
                new InplaceArray<DimensionProperty>(DimensionProperty.None));

        public static ObservationSpec VariableLength(int obsSize, int maxNumObs) =>
            new ObservationSpec(new InplaceArray<int>(obsSize, maxNumObs),
                new InplaceArray<DimensionProperty>(DimensionProperty.VariableSize, DimensionProperty.None));

        public static ObservationSpec Visual(int channels, int height, int width,
            ObservationType obsType = ObservationType.Default) =>
            new ObservationSpec(new InplaceArray<int>(channels, height, width),
                new InplaceArray<DimensionProperty>(DimensionProperty.None,
                    DimensionProperty.TranslationalEquivariance, DimensionProperty.TranslationalEquivariance));
    }

    public interface ISensor
    {
        ObservationSpec GetObservationSpec();
        int Write(ObservationWriter writer);
        byte[] GetCompressedObservation();
        void Update();
        void Reset();
        CompressionSpec GetCompressionSpec();
        string GetName();
    }

    public abstract class SensorComponent : MonoBehaviour
    {
        public abstract ISensor[] CreateSensors();
    }

    public class VectorSensor { }

    /// <summary>Into a flat list, as the package writes what goes to Python.</summary>
    public class ObservationWriter
    {
        public readonly float[] Data;

        public ObservationWriter(int size)
        {
            Data = new float[size];
        }

        public float this[int index]
        {
            set { Data[index] = value; }
        }

        public void AddList(IList<float> data, int writeOffset = 0) => data.CopyTo(Data, writeOffset);
    }

    /// <summary>Renders nothing: the stub's players are without graphics, where the package's own
    /// camera sensor sends black pictures.</summary>
    public class CameraSensor : ISensor, IDisposable
    {
        readonly string name;
        readonly ObservationSpec spec;
        readonly int size;

        public CameraSensor(Camera camera, int width, int height, bool grayscale, string name,
            SensorCompressionType compression, ObservationType observationType = ObservationType.Default)
        {
            this.name = name;
            spec = ObservationSpec.Visual(grayscale ? 1 : 3, height, width, observationType);
            size = (grayscale ? 1 : 3) * width * height;
        }

        public ObservationSpec GetObservationSpec() => spec;
        public int Write(ObservationWriter writer) => size;
        public byte[] GetCompressedObservation() => null;
        public void Update() { }
        public void Reset() { }
        public CompressionSpec GetCompressionSpec() => CompressionSpec.Default();
        public string GetName() => name;
        public void Dispose() { }
    }
}
