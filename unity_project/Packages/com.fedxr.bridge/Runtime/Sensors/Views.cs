using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>The camera through which the user sees.</summary>
    static class Views
    {
        /// <exception cref="InvalidOperationException">The scene has none.</exception>
        internal static Camera Main(Sensor sensor)
        {
            Camera main = Camera.main;
            if (!main)
                throw new InvalidOperationException("sensor " + sensor.ChannelName
                    + ": give it a camera, or tag the scene's camera MainCamera");
            return main;
        }
    }
}
