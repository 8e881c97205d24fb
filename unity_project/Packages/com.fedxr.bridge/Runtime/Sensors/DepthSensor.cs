using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>How far things are along the camera's axis. Channel <c>depth/map</c>: metres, row by
    /// row; 0 where nothing was measured. No encoder reads it yet: the server says so, and the scene goes
    /// on.</summary>
    /// <remarks>The device is AR Foundation's environment depth, in the orientation of its sensor, which is
    /// not always the view's: a phone held upright gives a map that lies on its side. Stand-in: rays
    /// against the scene's colliders, top row first.</remarks>
    [AddComponentMenu("fedxr/Depth Sensor")]
    public sealed class DepthSensor : Sensor
    {
        [Tooltip("The camera that is measured from; empty: the main camera.")]
        [SerializeField] Camera view;

        [Tooltip("Pixels of the stand-in.")]
        [Range(2, 128)]
        [SerializeField] int width = 24, height = 16;

        [Tooltip("Metres up to which the stand-in measures.")]
        [Min(0.1f)]
        [SerializeField] float farthest = 10;

        readonly ArDepth device = new ArDepth();
        float[] depths;
        byte[] bytes;

        /// <summary>2 maps a second, and only the newest waits.</summary>
        public DepthSensor() : base("depth", 2, "latest")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "depth/map";

        /// <inheritdoc/>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (!IsDue(captureUs))
                return false;
            int rows, columns;
            if (!device.Read(ref depths, out rows, out columns))
            {
                if (XrInput.HasHeadset)
                    return false;
                rows = height;
                columns = width;
                Measure();
            }
            int count = sizeof(float) * rows * columns;
            if (bytes == null || bytes.Length < count)
                bytes = new byte[count];
            Buffer.BlockCopy(depths, 0, bytes, 0, count);
            return frame.AddPicture(Channel, PictureEncoding.Raw, bytes, 0, count, rows, columns, captureUs);
        }

        void Measure()
        {
            if (!view)
                view = Views.Main(this);
            if (depths == null || depths.Length < width * height)
                depths = new float[width * height];
            Transform eye = view.transform;
            for (int row = 0; row < height; row++)
                for (int column = 0; column < width; column++)
                {
                    var place = new Vector3((column + 0.5f) / width, 1 - (row + 0.5f) / height, 0);
                    Vector3 way = view.ViewportPointToRay(place).direction;
                    RaycastHit hit;
                    bool there = Physics.Raycast(eye.position, way, out hit, farthest);
                    depths[row * width + column] = there ? hit.distance * Vector3.Dot(way, eye.forward) : 0;
                }
        }
    }
}
