using System;
using System.Collections.Generic;
using Unity.Collections;

namespace UnityEngine
{
    public enum TextureFormat { RGB24 = 3, RGBA32 = 4, R8 = 63 }

    /// <summary>A picture; its first row is the lowest, as in Unity.</summary>
    public abstract class Texture : Object
    {
        internal Color32[] Pixels;

        protected Texture(int width, int height)
        {
            this.width = width;
            this.height = height;
            Pixels = new Color32[width * height];
        }

        public int width { get; }
        public int height { get; }
    }

    public sealed class RenderTexture : Texture
    {
        public RenderTexture(int width, int height, int depth) : base(width, height) { }

        public void Release() { }
    }

    public static class ImageConversion
    {
        /// <param name="quality">1 to 100.</param>
        public static byte[] EncodeArrayToJPG(Array array, Experimental.Rendering.GraphicsFormat format,
            uint width, uint height, uint rowBytes = 0, int quality = 75)
        {
            TextureFormat kind = Stub.Bytes.FormatOf(format);
            Color32[] pixels = Stub.Bytes.ToPixels((byte[])array, kind, (int)(width * height));
            return Stub.Jpeg.Encode(pixels, (int)width, (int)height, kind == TextureFormat.R8, quality);
        }
    }
}

namespace UnityEngine.Experimental.Rendering
{
    public enum GraphicsFormat { R8_UNorm = 5, R8G8B8_UNorm = 7, R8G8B8A8_SRGB = 4, R8G8B8A8_UNorm = 8 }
}

namespace UnityEngine.Rendering
{
    /// <summary>A picture on its way from the graphics card: it comes a frame later.</summary>
    public struct AsyncGPUReadbackRequest
    {
        internal byte[] Data;

        public bool done => Data != null;
        public bool hasError => Data == null;

        public NativeArray<T> GetData<T>(int layer = 0) where T : struct =>
            new NativeArray<T>((T[])(object)Data, Allocator.Temp);
    }

    public static class AsyncGPUReadback
    {
        static readonly List<Action> waiting = new List<Action>();

        /// <summary>Whether there is a card that answers; a test says no.</summary>
        public static bool Works { get; set; } = true;

        /// <summary>The callback is called at the end of the next frame.</summary>
        public static AsyncGPUReadbackRequest Request(Texture src, int mipIndex, TextureFormat dstFormat,
            Action<AsyncGPUReadbackRequest> callback = null)
        {
            byte[] data = Works ? Stub.Bytes.FromPixels(src.Pixels, dstFormat) : null;
            waiting.Add(() => callback?.Invoke(new AsyncGPUReadbackRequest { Data = data }));
            return new AsyncGPUReadbackRequest();
        }

        internal static void Answer()
        {
            Action[] due = waiting.ToArray();
            waiting.Clear();
            foreach (Action one in due)
                one();
        }
    }
}

namespace Unity.Collections
{
    public enum Allocator { Invalid, None, Temp, TempJob, Persistent }

    /// <summary>Memory outside the garbage collector: here an ordinary array.</summary>
    public struct NativeArray<T> : IDisposable where T : struct
    {
        readonly T[] values;

        public NativeArray(T[] array, Allocator allocator)
        {
            values = array;
        }

        public int Length => values.Length;

        public T this[int index]
        {
            get => values[index];
            set => values[index] = value;
        }

        public void CopyTo(T[] array) => values.CopyTo(array, 0);

        public static void Copy(NativeArray<T> src, T[] dst, int length) => Array.Copy(src.values, dst, length);

        public T[] ToArray() => (T[])values.Clone();

        public void Dispose() { }
    }
}

namespace UnityEngine.Stub
{
    static class Bytes
    {
        internal static TextureFormat FormatOf(Experimental.Rendering.GraphicsFormat format)
        {
            switch (format)
            {
                case Experimental.Rendering.GraphicsFormat.R8_UNorm: return TextureFormat.R8;
                case Experimental.Rendering.GraphicsFormat.R8G8B8_UNorm: return TextureFormat.RGB24;
                default: return TextureFormat.RGBA32;
            }
        }

        static int Width(TextureFormat format) =>
            format == TextureFormat.RGBA32 ? 4 : format == TextureFormat.RGB24 ? 3 : 1;

        internal static byte[] FromPixels(Color32[] pixels, TextureFormat format)
        {
            int width = Width(format);
            var data = new byte[pixels.Length * width];
            for (int i = 0; i < pixels.Length; i++)
            {
                data[i * width] = pixels[i].r;
                if (width > 1)
                {
                    data[i * width + 1] = pixels[i].g;
                    data[i * width + 2] = pixels[i].b;
                }
                if (width > 3)
                    data[i * width + 3] = pixels[i].a;
            }
            return data;
        }

        internal static Color32[] ToPixels(byte[] data, TextureFormat format, int count)
        {
            int width = Width(format);
            var pixels = new Color32[count];
            for (int i = 0; i < count; i++)
            {
                byte r = data[i * width];
                pixels[i] = width == 1
                    ? new Color32(r, r, r, 255)
                    : new Color32(r, data[i * width + 1], data[i * width + 2], width == 3 ? (byte)255 : data[i * width + 3]);
            }
            return pixels;
        }
    }
}
