#if FEDXR_ARFOUNDATION
using Unity.Collections;
using UnityEngine;
using UnityEngine.XR.ARFoundation;
using UnityEngine.XR.ARSubsystems;
#endif

namespace Fedxr
{
    /// <summary>AR Foundation's depth of what the headset sees; nothing without it.</summary>
    sealed class ArDepth
    {
#if FEDXR_ARFOUNDATION
        readonly SceneSearch<AROcclusionManager> search = new SceneSearch<AROcclusionManager>();
        byte[] raw = new byte[0];

        /// <summary>Write the newest map, as the device's sensor is oriented, into <paramref name="depths"/> (grown where it is too small), metres,
        /// row by row; false while there is none.</summary>
        internal bool Read(ref float[] depths, out int rows, out int columns)
        {
            rows = columns = 0;
            AROcclusionManager manager = search.Found;
            XRCpuImage image;
            if (!manager || !manager.TryAcquireEnvironmentDepthCpuImage(out image))
                return false;
            using (image)
            {
                rows = image.height;
                columns = image.width;
                XRCpuImage.Plane plane = image.GetPlane(0);
                NativeArray<byte> data = plane.data;
                if (raw.Length != data.Length)
                    raw = new byte[data.Length];
                data.CopyTo(raw);
                if (depths == null || depths.Length < rows * columns)
                    depths = new float[rows * columns];
                return Decode(image.format, plane.rowStride, rows, columns, depths);
            }
        }

        bool Decode(XRCpuImage.Format format, int stride, int rows, int columns, float[] depths)
        {
            for (int row = 0; row < rows; row++)
                for (int column = 0; column < columns; column++)
                {
                    float metres;
                    if (format == XRCpuImage.Format.DepthFloat32)
                        metres = System.BitConverter.ToSingle(raw, row * stride + 4 * column);
                    else if (format == XRCpuImage.Format.DepthUint16)
                        metres = System.BitConverter.ToUInt16(raw, row * stride + 2 * column) / 1000f;
                    else
                        return false;
                    // "not measured" comes as NaN or infinity on some devices
                    bool known = metres > 0 && metres < float.PositiveInfinity;
                    depths[row * columns + column] = known ? metres : 0;
                }
            return true;
        }
#else
        internal bool Read(ref float[] depths, out int rows, out int columns)
        {
            rows = columns = 0;
            return false;
        }
#endif
    }
}
